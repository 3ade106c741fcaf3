import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentAnswers } from './recent-answers.ts'

test('an answer is kept for its text', () => {
  const answers = new RecentAnswers<number>(10)
  assert.equal(answers.get('a'), undefined)
  answers.set('a', 1)
  answers.set('\ud83d', 2)
  assert.equal(answers.get('a'), 1)
  assert.equal(answers.get('\ud83d'), 2)
})

test('filled with far more than it may hold, it holds no more than its limit', () => {
  for (const limit of [2, 3, 10, 100]) {
    const answers = new RecentAnswers<number>(limit)
    for (let i = 0; i < limit * 20; i++) {
      answers.set(String(i), i)
      assert.ok(answers.size <= limit, `${answers.size} of ${limit}`)
      assert.equal(answers.get(String(i)), i)
    }
  }
})

test('what is asked for often outlives what came once', () => {
  const answers = new RecentAnswers<number>(10)
  answers.set('often', 0)
  for (let i = 0; i < 1000; i++) {
    answers.set(`once ${i}`, i)
    assert.equal(answers.get('often'), 0)
  }
  assert.equal(answers.get('once 1'), undefined)
})
