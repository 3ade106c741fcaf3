import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { DIFFICULTY, isSolution, solvedKind, writeChallenge } from './challenge.ts'
import { judgeToken, readToken, writeToken } from './token.ts'

const KEY = Buffer.alloc(32, 1)
const NOW = Date.UTC(2026, 10, 24)
const SECONDS = NOW / 1000

test('a token says what was written into it, and nothing else under another key', () => {
  const time = fc.option(fc.integer({ min: 1, max: 4_000_000_000 }), { nil: undefined })
  fc.assert(
    fc.property(time, time, fc.domain(), (challengeAt, captchaAt, host) => {
      const content = { challengeAt, captchaAt, host }
      const token = writeToken(KEY, content)
      assert.deepEqual(readToken(KEY, token), content)
      assert.equal(readToken(randomBytes(32), token), undefined)
      assert.equal(readToken(KEY, token.replace('1.', '2.')), undefined)
    }),
  )
})

test('any text is read without failing', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => assert.equal(readToken(KEY, text), undefined)),
  )
})

const content = { challengeAt: SECONDS - 100, captchaAt: SECONDS - 400, host: 'www.example.com' }
const CASES = [
  {
    title: 'good for its host',
    kind: 'challenge',
    immunity: 300,
    host: 'www.example.com',
    domains: [],
    is: 'valid',
  },
  {
    title: 'each action has its own time',
    kind: 'captcha',
    immunity: 300,
    host: 'www.example.com',
    domains: [],
    is: 'TOKEN_EXPIRED',
  },
  {
    title: 'a longer immunity of the rule',
    kind: 'captcha',
    immunity: 600,
    host: 'www.example.com',
    domains: [],
    is: 'valid',
  },
  {
    title: 'the last second is over',
    kind: 'challenge',
    immunity: 100,
    host: 'www.example.com',
    domains: [],
    is: 'TOKEN_EXPIRED',
  },
  {
    title: 'another host',
    kind: 'challenge',
    immunity: 300,
    host: 'shop.example.com',
    domains: [],
    is: 'TOKEN_DOMAIN_MISMATCH',
  },
  {
    title: 'another host under a token domain',
    kind: 'challenge',
    immunity: 300,
    host: 'shop.example.com',
    domains: ['example.com'],
    is: 'valid',
  },
  {
    title: 'a domain that only ends like it',
    kind: 'challenge',
    immunity: 300,
    host: 'shop.example.com',
    domains: ['le.com'],
    is: 'TOKEN_DOMAIN_MISMATCH',
  },
] as const

for (const { title, kind, immunity, host, domains, is } of CASES) {
  test(`a token: ${title}`, () => {
    assert.equal(judgeToken(content, kind, host, immunity, domains, NOW).kind, is)
  })
}

test('a token that was never there, or lacks the action, is told from one that is wrong', () => {
  assert.equal(judgeToken(undefined, 'captcha', 'a', 300, [], NOW).kind, 'TOKEN_INVALID')
  const onlyChallenge = { challengeAt: SECONDS, captchaAt: undefined, host: 'a' }
  assert.equal(judgeToken(onlyChallenge, 'captcha', 'a', 300, [], NOW).kind, 'TOKEN_MISSING')
})

test('a challenge is solved by work, for its host, and in time', () => {
  const challenge = writeChallenge(KEY, 'challenge', 'a.example', NOW)
  assert.ok(challenge.length + 9 <= 55, 'one block of SHA-256')
  let counter = 0
  while (!isSolution(challenge, counter, DIFFICULTY.challenge)) counter++
  const digest = createHash('sha256').update(`${challenge}:${counter}`).digest('hex')
  assert.match(digest, /^000[01]/)
  assert.equal(solvedKind(KEY, challenge, counter, 'a.example', NOW + 1000), 'challenge')
  assert.equal(solvedKind(KEY, challenge, counter, 'b.example', NOW + 1000), undefined)
  assert.equal(solvedKind(KEY, challenge, counter, 'a.example', NOW + 121_000), undefined)
  assert.equal(solvedKind(KEY, challenge, counter, 'a.example', NOW - 1000), undefined)
  assert.equal(solvedKind(Buffer.alloc(32, 2), challenge, counter, 'a.example', NOW), undefined)
  assert.equal(solvedKind(KEY, challenge, counter - 1, 'a.example', NOW), undefined)
})
