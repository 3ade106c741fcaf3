import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const LAUNCHER = fileURLToPath(new URL('../../bin/edgeward.cjs', import.meta.url))
let folder = ''
const key = randomBytes(32).toString('hex')

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgeward-cli-secrets-'))
  await writeFile(
    join(folder, 'edgeward.config.json'),
    JSON.stringify({
      admin: false,
      distributions: {
        shop: {
          origins: {
            // Nothing answers there: a rotation cannot succeed.
            api: {
              url: 'http://127.0.0.1:9',
              originVerify: {
                tell: [{ file: './accepted.json' }],
                test: { timeoutSeconds: 1, everyMs: 50, stableMs: 0 },
              },
            },
          },
          defaultBehavior: { origin: 'api' },
        },
      },
    }),
  )
})
after(() => rm(folder, { recursive: true }))

interface Ran {
  readonly code: number | null
  readonly out: string
  readonly error: string
}

async function edgeward(args: readonly string[], input = '', env: Record<string, string> = {}): Promise<Ran> {
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    cwd: folder,
    env: { ...process.env, EDGEWARD_SECRETS_KEY: key, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let out = ''
  let error = ''
  child.stdout.on('data', (chunk) => (out += String(chunk)))
  child.stderr.on('data', (chunk) => (error += String(chunk)))
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, error }
}

test('a value is set, listed, read, rotated and remembered, and shows only where it is asked for', async () => {
  assert.match((await edgeward(['secrets', 'list'])).error, /there are no secrets yet/)
  const set = await edgeward(['secrets', 'set', 'db'], 'hunter2\n')
  assert.equal(set.code, 0, set.error)
  assert.match(set.out, /^db is set; version [0-9a-f-]{36}\n$/)
  assert.match((await edgeward(['secrets', 'list'])).out, /^db {2}1 version, since 20\d\d-.*Z\n$/)
  assert.equal((await edgeward(['secrets', 'get', 'db'])).out, 'hunter2\n')
  assert.match((await edgeward(['secrets', 'rotate', 'db'])).out, /^db is rotated; version .* is current\n$/)
  const next = (await edgeward(['secrets', 'get', 'db'])).out
  assert.match(next, /^[\w-]{43}\n$/)
  assert.equal((await edgeward(['secrets', 'get', 'db', '--stage', 'AWSPREVIOUS'])).out, 'hunter2\n')
  const { out } = await edgeward(['secrets', 'history', 'db'])
  assert.match(out, /AWSCURRENT\n.*AWSPREVIOUS\n/)
  assert.match(out, / set .*by command line\n/)
  assert.match(
    out,
    /createSecret begin[^]*createSecret done[^]*setSecret done[^]*testSecret done[^]*finishSecret done/,
  )
  for (const value of ['hunter2', next.trim()]) {
    assert.ok(!out.includes(value))
    for (const file of ['secrets.json', 'secrets-audit.jsonl'])
      assert.ok(!(await readFile(join(folder, '.edgeward', file), 'utf8')).includes(value))
  }
})

const wrong: readonly (readonly [args: readonly string[], input: string, code: number, says: RegExp])[] = [
  [['get', 'nope'], '', 1, /there is no secret "nope" with AWSCURRENT/],
  [['history', 'nope'], '', 1, /there is no secret "nope"; "edgeward secrets list" lists them/],
  [['rotate', 'nope'], '', 1, /there is no secret "nope" to rotate: "edgeward secrets set nope" makes it/],
  [['set', 'db'], '', 2, /no value came on standard input for "db"/],
  [['set', 'a b'], 'x', 2, /"a b" is no name for a secret/],
  [['set', 'big'], 'x'.repeat(70_000), 2, /has 70000 bytes; 65536 is the limit/],
  [['set', 'origin-verify'], 'a b', 1, /cannot be the secret of an origin: expected 16 to 128 letters/],
  [['set', 'db', '-c', 'nowhere.json'], 'x', 2, /nowhere\.json/],
]
for (const [args, input, code, says] of wrong) {
  test(`"edgeward secrets ${args.join(' ')}" is refused with what to do`, async () => {
    const ran = await edgeward(['secrets', ...args], input)
    assert.match(ran.error, says)
    assert.equal(ran.code, code)
  })
}

test('a key that does not fit is told, and nothing is overwritten', async () => {
  await edgeward(['secrets', 'set', 'db'], 'hunter2')
  const file = join(folder, '.edgeward', 'secrets.json')
  const kept = await readFile(file, 'utf8')
  const other = await edgeward(['secrets', 'list'], '', {
    EDGEWARD_SECRETS_KEY: randomBytes(32).toString('hex'),
  })
  assert.equal(other.code, 1)
  assert.match(other.error, /is sealed with "aes-256-gcm:[0-9a-f]{16}"/)
  const none = await edgeward(['secrets', 'list'], '', { EDGEWARD_SECRETS_KEY: '' })
  assert.match(none.error, /the key file .*secrets\.key is missing.*put it back, or set EDGEWARD_SECRETS_KEY/)
  const bad = await edgeward(['secrets', 'list'], '', { EDGEWARD_SECRETS_KEY: 'password' })
  assert.equal(bad.code, 2)
  assert.match(bad.error, /EDGEWARD_SECRETS_KEY holds no key for the secrets file/)
  assert.ok(!bad.error.includes('password'))
  assert.equal(await readFile(file, 'utf8'), kept)
})

test('a rotation that origins do not pass is taken back and says why; the snippets have the value of before', async () => {
  const first = 'first-value-of-the-origin'
  assert.equal((await edgeward(['secrets', 'set', 'origin-verify'], first)).code, 0)
  const rotated = await edgeward(['secrets', 'rotate', 'origin-verify'])
  assert.equal(rotated.code, 1)
  assert.match(rotated.error, /no edge answers at the admin port/)
  assert.match(
    rotated.error,
    /failed at testSecret: the origin shop\/api, asked around the edge without the header/,
  )
  assert.match(rotated.error, /everything was taken back; the value before it is current/)
  assert.equal((await edgeward(['secrets', 'get', 'origin-verify'])).out, `${first}\n`)
  const nginx = await edgeward(['origin-verify', 'snippet', 'nginx'])
  assert.match(nginx.out, /map \$http_x_origin_verify \$edgeward_origin_verified \{/)
  assert.deepEqual(nginx.out.match(/"~\^.*\$" 1;/g), [`"~^${first}$" 1;`])
  assert.match((await edgeward(['origin-verify', 'snippet', 'apache'])).out, /Require expr/)
  assert.equal((await edgeward(['origin-verify', 'snippet', 'caddy'])).code, 2)
})
