import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { coverOf, distinctRanges, parseRange, type Range } from './ranges.ts'
import { applyTarget, type Target } from './target.ts'

/** A target with nothing in it, and what is let in by it as others see it. */
export interface TargetUnderTest extends AsyncDisposable {
  readonly target: Target
  /** Blocks that are let in now, read without the driver. */
  readonly letIn: () => Promise<readonly string[]>
}

export function rangesOf(...texts: readonly string[]): readonly Range[] {
  return distinctRanges(
    texts.map((text) => {
      const range = parseRange(text)
      if (typeof range === 'string') throw new Error(range)
      return range
    }),
  )
}

const numbered = (prefix: string, from: number, count: number, suffix: string): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${from + index}${suffix}`)

/** Two lists that differ in every way: what stays, goes and comes; a block cut in two; two made one; both families. */
const FIRST = rangesOf(
  ...numbered('10.0.', 0, 9, '.0/24'),
  ...numbered('10.1.', 0, 5, '.0/24'),
  '172.16.0.0/23',
  '172.17.0.0/24',
  '172.17.1.0/24',
  '2001:db8:1::/48',
  '2001:db8:2::/48',
)
const SECOND = rangesOf(
  ...numbered('10.0.', 0, 9, '.0/24'),
  ...numbered('10.2.', 0, 7, '.0/24'),
  '172.16.0.0/24',
  '172.16.1.0/24',
  '172.17.0.0/23',
  '2001:db8:1::/48',
  '2001:db8:3::/48',
)

/** The contract of a target. Every driver runs it; `skip` says why it cannot run here. */
export function targetContract(
  driver: string,
  install: () => Promise<TargetUnderTest>,
  skip: string | false = false,
): void {
  describe(`target contract: ${driver}`, { skip }, () => {
    test('it holds exactly what is wanted, and a second time nothing is to be done', async () => {
      await using installed = await install()
      const { target, letIn } = installed
      for (const wanted of [FIRST, SECOND, FIRST]) {
        const done = await applyTarget(target, wanted, () => {})
        assert.ok(done.steps.length > 0)
        await assertHolds(letIn, wanted)
        assert.deepEqual((await target.plan(wanted)).steps, [])
      }
    })

    test('planning changes nothing, and tells what will be there and what will not', async () => {
      await using installed = await install()
      const { target, letIn } = installed
      await applyTarget(target, FIRST, () => {})
      const { add, remove } = await target.plan(SECOND)
      await assertHolds(letIn, FIRST)
      // A driver may tell them as larger blocks, and with what belongs to a rule behind them.
      const named = (texts: readonly string[], block: string): boolean =>
        coverOf(rangesOf(...texts.map((text) => text.split(' ')[0]!))).contains(rangesOf(block)[0]!)
      assert.ok(named(add, '10.2.3.0/24') && named(add, '2001:db8:3::/48'), add.join())
      assert.ok(named(remove, '10.1.3.0/24') && named(remove, '2001:db8:2::/48'), remove.join())
      assert.ok(!named([...add, ...remove], '10.0.3.0/24'))
    })

    test('broken off after any step, the next run mends it; what stays is let in all the time', async () => {
      // Blocks of both lists, and those that one list has as halves and the other whole.
      const stays = rangesOf(
        ...numbered('10.0.', 0, 9, '.0/24'),
        ...['172.16.0.0/24', '172.16.1.0/24', '172.17.0.0/24', '172.17.1.0/24', '2001:db8:1::/48'],
      )
      for (let steps = 0, all = 1; steps <= all; steps++) {
        await using installed = await install()
        const { target, letIn } = installed
        await applyTarget(target, FIRST, () => {})
        await assertHolds(letIn, FIRST)
        const plan = await target.plan(SECOND)
        all = plan.steps.length
        const check = async (): Promise<void> => {
          const cover = coverOf(rangesOf(...(await letIn())))
          for (const range of stays) assert.ok(cover.contains(range), `${range.text} after ${steps} steps`)
        }
        for (const step of plan.steps.slice(0, steps)) {
          await step.run()
          await check()
        }
        for (const step of (await target.plan(SECOND)).steps) {
          await step.run()
          await check()
        }
        await assertHolds(letIn, SECOND)
        assert.deepEqual((await target.plan(SECOND)).steps, [])
      }
    })
  })
}

async function assertHolds(letIn: TargetUnderTest['letIn'], wanted: readonly Range[]): Promise<void> {
  const held = rangesOf(...(await letIn()))
  const [is, should] = [coverOf(held), coverOf(wanted)]
  for (const range of wanted) assert.ok(is.contains(range), `${range.text} is not let in`)
  for (const range of held) assert.ok(should.contains(range), `${range.text} is let in and should not be`)
}
