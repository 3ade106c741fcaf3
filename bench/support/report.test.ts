import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'
import type { Figure } from './measure.ts'
import { failuresOf, ratiosOf } from './report.ts'
import type { Report } from './report.ts'

function figure(name: string, perCpuSecond: number, failures = 0): Figure {
  return { name, version: '1', perCpuSecond, low: 0, high: 0, perSecond: 0, failures, peakBytes: 0 }
}

test('a ratio is our figure divided by that of the peer', () => {
  assert.deepEqual(ratiosOf([figure('edgeward', 600), figure('nginx', 1200), figure('caddy', 300)]), {
    ratio_nginx: 0.5,
    ratio_caddy: 2,
  })
  assert.deepEqual(ratiosOf([figure('nginx', 1200)]), {})
})

test('a figure with failures is told', () => {
  assert.match(failuresOf([figure('edgeward', 1), figure('nginx', 1, 3)]).join(), /^nginx gave 3 /)
})

const endings: readonly (readonly [report: Report, code: number, last: string])[] = [
  [
    { name: 'a', values: { ratio_caddy: 1.2 }, holds: [{ key: 'ratio_caddy', atLeast: 1 }] },
    0,
    'RESULT name=a ratio_caddy=1.2',
  ],
  [
    { name: 'a', values: { ratio_caddy: 0.9 }, holds: [{ key: 'ratio_caddy', atLeast: 1 }] },
    1,
    'RESULT name=a ratio_caddy=0.9',
  ],
  [{ name: 'a', values: { rss: 151 }, holds: [{ key: 'rss', atMost: 150 }] }, 1, 'RESULT name=a rss=151'],
  [
    { name: 'a', values: { rss: Number.NaN }, holds: [{ key: 'rss', atMost: 150 }] },
    1,
    'RESULT name=a rss=NaN',
  ],
  [
    {
      name: 'a',
      values: {},
      holds: [{ key: 'rss', atMost: 1 }],
      skipped: [{ name: 'x', missing: 'x is not there' }],
    },
    0,
    'RESULT name=a skipped=x-is-not-there',
  ],
  [{ name: 'a', values: { n: 1 }, wrong: ['it broke'] }, 1, 'RESULT name=a n=1'],
]

for (const [report, code, last] of endings) {
  test(`${JSON.stringify(report)} ends with exit code ${code}`, () => {
    // In a process of its own, because it sets the exit code.
    const values = Object.entries(report.values).map(
      ([key, value]) => `${JSON.stringify(key)}: ${String(value)}`,
    )
    const program = `import { finish } from ${JSON.stringify(path.join(import.meta.dirname, 'report.ts'))}
      finish({ ...${JSON.stringify(report)}, values: { ${values.join(', ')} } })`
    const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
    })
    assert.equal(status, code)
    assert.equal(stdout.trimEnd().split('\n').at(-1), last)
  })
}
