import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createCli } from '../../src/cli/cli.ts'

/** A folder with a configuration of one feed, and the commands run on it. */
async function installed(feed: object = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-ip-ranges-'))
  const file = join(folder, 'edgeward.config.json')
  const allow = join(folder, 'allow.conf')
  const list = join(folder, 'list.txt')
  await writeFile(list, '192.0.2.0/24\n198.51.100.0/24\n')
  const office = { file: 'list.txt', format: 'list', targets: [{ nginx: { file: 'allow.conf' } }], ...feed }
  const config = {
    admin: false,
    distributions: { site: { origins: { o: { folder: '.' } }, defaultBehavior: { origin: 'o' } } },
    ipRanges: { feeds: { office } },
  }
  await writeFile(file, JSON.stringify(config))
  return {
    folder,
    allow,
    list,
    async run(...argv: readonly string[]) {
      const out: string[] = []
      const errors: string[] = []
      const code = await createCli({
        out: (line) => void out.push(line),
        error: (line) => void errors.push(line),
        isTerminal: false,
      }).run(['ip-ranges', ...argv, '-c', file])
      return { code, out: out.join('\n').replaceAll(folder, ''), error: errors.join('\n') }
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

test('plan shows the difference and changes nothing, apply makes it, and a second plan has nothing to do', async () => {
  await using edge = await installed()
  assert.match((await edge.run('status')).out, /^office: no list was taken yet$/)
  const planned = await edge.run('plan')
  assert.equal(
    planned.out,
    `office: 2 ranges
  nginx allow list /allow.conf
    + 192.0.2.0/24
    + 198.51.100.0/24
    2 to add, 0 to remove, in 1 call:
    1. write 2 ranges to /allow.conf`,
  )
  assert.equal(planned.code, 0)
  await assert.rejects(readFile(edge.allow), { code: 'ENOENT' })

  assert.match((await edge.run('apply', 'office')).out, /2 added, 0 removed, in 1 call/)
  assert.match(
    await readFile(edge.allow, 'utf8'),
    /allow 192\.0\.2\.0\/24;\nallow 198\.51\.100\.0\/24;\ndeny all;\n$/,
  )
  assert.equal(
    (await edge.run('plan')).out,
    'office: 2 ranges (as before)\n  nginx allow list /allow.conf\n    is equal',
  )
  const status = await edge.run('status')
  assert.equal(status.code, 0)
  assert.match(
    status.out,
    /^office: 2 ranges, taken 20.*\n {2}md5 {8}[0-9a-f]{32}\n {2}targets {4}equal at 20/,
  )
})

test('a list that shrinks too much is refused with exit code 1 until it is accepted', async () => {
  await using edge = await installed()
  await edge.run('apply')
  await writeFile(edge.list, '192.0.2.0/24\n')
  const refused = await edge.run('apply')
  assert.equal(refused.code, 1)
  assert.match(refused.out, /^office: refused, nothing is changed: shrinks: IPv4 would go from 2 to 1 ranges/)
  const status = await edge.run('status')
  assert.equal(status.code, 1)
  assert.match(status.out, /ALARM {6}since 20.*: shrinks: /)
  assert.match((await edge.run('plan', '--accept-shrink')).out, /- 198\.51\.100\.0\/24/)
  assert.match(await readFile(edge.allow, 'utf8'), /198\.51\.100\.0/)

  assert.equal((await edge.run('apply', '--accept-shrink')).code, 0)
  assert.doesNotMatch(await readFile(edge.allow, 'utf8'), /198\.51\.100\.0/)
  assert.doesNotMatch((await edge.run('status')).out, /ALARM/)
})

test('a target that fails is told of, the others are brought up to date, and the next run does the rest', async () => {
  await using edge = await installed({
    targets: [{ nginx: { file: 'other.conf', reload: ['false'] } }, { nginx: { file: 'allow.conf' } }],
  })
  const failed = await edge.run('apply')
  assert.equal(failed.code, 1)
  assert.match(failed.out, /nginx allow list \/other\.conf\n {4}failed: "false" failed: exit code 1/)
  assert.match(await readFile(edge.allow, 'utf8'), /192\.0\.2\.0/)
  // The file is written already; what is left is the reload.
  assert.match((await edge.run('plan')).out, /0 to add, 0 to remove, in 1 call:\n {4}1\. reload: false/)
  const audit = await readFile(join(edge.folder, '.edgeward', 'ip-ranges', 'audit.jsonl'), 'utf8')
  assert.deepEqual(
    audit
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { event: string }).event),
    ['taken', 'change', 'change', 'failed', 'change', 'done'],
  )
})

test('what is wrong with a configuration or a command line is told at once', async () => {
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ file: 'nowhere.txt' }, /feeds\.office\.file\n.*there is no file .*nowhere\.txt/],
    [{ url: 'https://x.test/' }, /has both url and file: choose one/],
    [{ services: ['S3'] }, /feeds\.office\.services\n.*a plain list has no services/],
    [{ notifications: { distribution: 'shop', path: '/x' } }, /there is no distribution shop/],
    [{ notifications: { distribution: 'site', path: '/x' } }, /a file does not notify/],
    [{ targets: [] }, /feeds\.office\.targets/],
    [{ targets: [{ ipSet: 'a' }, { ipSet: 'a' }] }, /targets\[1\]\n.*the feed office keeps the same target/],
    [
      { targets: [{ securityGroups: { vpcId: 'x', prefixName: 'e' } }] },
      /a VPC id is written like vpc-0a1b2c3d/,
    ],
    [
      { targets: [{ securityGroups: { vpcId: 'vpc-1', prefixName: 'e', ports: [{ from: 90, to: 80 }] } }] },
      /the first port is behind the last/,
    ],
    [{ targets: [{ iptables: {} }] }, /feeds\.office\.targets\[0\]/],
  ]
  for (const [feed, says] of cases) {
    await using edge = await installed(feed)
    const { code, error } = await edge.run('plan')
    assert.equal(code, 2, error)
    assert.match(error, says)
  }
  await using edge = await installed()
  const unknown = await edge.run('apply', 'home')
  assert.deepEqual([unknown.code, unknown.error], [2, 'there is no feed home; there is office'])
})
