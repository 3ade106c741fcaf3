import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { NGINX, startNginx } from '../../../test/support/nginx.ts'
import { isUsableValue, writeSnippet } from './snippets.ts'
import { createTell } from './tell.ts'
import { freePort } from '../../../test/support/free-port.ts'

const ONE = 'abcdefghijklmnopqrstuvwxyz-_0123456789ABCDE'
const TWO = 'ZYXWVUTSRQPONMLKJIHGFEDCBA-_0123456789abcde'
const DEAD = 'dead-dead-dead-dead-dead-dead-dead-dead-dea'
const APACHE = '/usr/sbin/apache2'

const cases: readonly (readonly [what: string, value: string | undefined, status: number])[] = [
  ['the current value', ONE, 200],
  ['the pending value', TWO, 200],
  ['no header', undefined, 403],
  ['an empty header', '', 403],
  ['a dead value', DEAD, 403],
  ['another case', ONE.toUpperCase(), 403],
  ['a value cut short', ONE.slice(1), 403],
  ['a longer value', `${ONE}0`, 403],
  ['both values', `${ONE}, ${TWO}`, 403],
]

test(
  'nginx lets pass what carries an accepted value, exactly, and reads a new snippet at a reload',
  {
    skip: NGINX === undefined && 'nginx is not installed: npm run setup',
  },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'edgeward-snippet-'))
    try {
      const port = await freePort()
      const file = join(folder, 'verify.conf')
      await createTell({ nginx: file })({ header: 'X-Origin-Verify', accepted: [ONE, DEAD], send: ONE })
      assert.equal((await stat(file)).mode & 0o777, 0o600)
      await using nginx = await startNginx(
        join(folder, 'nginx'),
        port,
        `  include ${file};
  server {
    listen 127.0.0.1:${port};
    if ($edgeward_origin_verified = 0) { return 403; }
    location / { return 200 "hello"; }
  }`,
      )
      assert.equal(await ask(port, DEAD), 200)
      await chmod(file, 0o640)
      await createTell({ nginx: file, reload: [...nginx.reload] })({
        header: 'X-Origin-Verify',
        accepted: [ONE, TWO],
        send: ONE,
      })
      // It reloads in the background; the old workers go on for a moment.
      await eventually(async () => (await ask(port, DEAD)) === 403 && (await ask(port, TWO)) === 200)
      for (const [what, value, status] of cases) assert.equal(await ask(port, value), status, what)
      assert.equal((await stat(file)).mode & 0o777, 0o640, 'the mode that somebody gave the file stays')
    } finally {
      await rm(folder, { recursive: true })
    }
  },
)

test(
  'Apache lets pass what carries an accepted value, exactly',
  {
    skip: !existsSync(APACHE) && 'apache2 is not installed: npm run setup',
  },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'edgeward-snippet-'))
    const port = await freePort()
    await writeFile(join(folder, 'verify.conf'), writeSnippet('apache', 'X-Origin-Verify', [ONE, TWO]))
    await writeFile(join(folder, 'none.conf'), writeSnippet('apache', 'X-Origin-Verify', []))
    await writeFile(join(folder, 'index.html'), 'hello')
    const modules = ['mpm_event', 'authz_core', 'authn_core']
    await writeFile(
      join(folder, 'apache.conf'),
      `ServerRoot ${folder}
ServerName localhost
Listen 127.0.0.1:${port}
PidFile ${folder}/apache.pid
DefaultRuntimeDir ${folder}
ErrorLog ${folder}/error.log
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
DocumentRoot ${folder}
<Location "/index.html">
  Include ${folder}/verify.conf
</Location>
<Location "/none">
  Include ${folder}/none.conf
</Location>
`,
    )
    await chmod(folder, 0o755)
    const apache = spawn(APACHE, ['-d', folder, '-f', join(folder, 'apache.conf'), '-DFOREGROUND'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    apache.stderr.on('data', (chunk) => (said += String(chunk)))
    const ended = once(apache, 'exit')
    try {
      await eventually(async () => {
        assert.equal(apache.exitCode, null, said)
        return await isOpen(port)
      })
      for (const [what, value, status] of cases)
        assert.equal(await ask(port, value, '/index.html'), status, `${what}; ${said}`)
      assert.equal(await ask(port, ONE, '/none'), 403)
    } finally {
      apache.kill('SIGTERM')
      await ended
      await rm(folder, { recursive: true })
    }
  },
)

test('a value that would break out of a configuration is refused, and not shown', () => {
  for (const value of [
    'short',
    `${ONE}"`,
    `${ONE}'`,
    `${ONE};`,
    `${ONE}$`,
    `${ONE}\n`,
    `${ONE} x`,
    'x'.repeat(129),
  ]) {
    assert.equal(isUsableValue(value), false)
    for (const server of ['nginx', 'apache'] as const) {
      assert.throws(
        () => writeSnippet(server, 'X-Origin-Verify', [ONE, value]),
        (error: Error) => !error.message.includes(value) && /expected 16 to 128 letters/.test(error.message),
      )
    }
  }
})

test('a web ACL file gets the rule, and keeps everything else as it was', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-acl-'))
  const file = join(folder, 'acl.json')
  const acl = {
    Name: 'api',
    DefaultAction: { Allow: {} },
    Rules: [{ Name: 'other', Priority: 3, Action: { Count: {} } }],
  }
  await writeFile(file, JSON.stringify(acl))
  const tell = createTell({ webAclFile: file, rule: 'edgeward-origin-verify' })
  try {
    await tell({ header: 'X-Origin-Verify', accepted: [ONE], send: ONE })
    await tell({ header: 'X-Origin-Verify', accepted: [ONE, TWO], send: ONE })
    const read = JSON.parse(await readFile(file, 'utf8')) as typeof acl
    const [ours, ...others] = read.Rules
    assert.deepEqual({ ...read, Rules: others }, acl)
    const text = JSON.stringify(ours)
    assert.deepEqual(
      [...text.matchAll(/"SearchString":"([^"]+)"/g)].map(([, value]) => value),
      [ONE, TWO],
    )
    assert.match(text, /"Action":\{"Block":\{\}\}/)
    for (const [wrong, why] of [
      ['{', /is not JSON/],
      ['{"Name":"x"}', /has no list of Rules/],
    ] as const) {
      await writeFile(file, wrong)
      await assert.rejects(tell({ header: 'X', accepted: [ONE], send: ONE }), why)
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a reload that fails says which command and what it said', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-reload-'))
  const news = { header: 'X-Origin-Verify', accepted: [ONE], send: ONE }
  try {
    const failing = createTell({
      nginx: join(folder, 'a.conf'),
      reload: ['sh', '-c', 'echo broken >&2; exit 3'],
    })
    await assert.rejects(failing(news), /"sh -c echo broken >&2; exit 3" failed: broken/)
    const missing = createTell({ nginx: join(folder, 'a.conf'), reload: ['/nowhere/nginx'] })
    await assert.rejects(missing(news), /"\/nowhere\/nginx" failed: .*ENOENT/)
  } finally {
    await rm(folder, { recursive: true })
  }
})

function ask(port: number, value: string | undefined, path = '/'): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = value === undefined ? {} : { 'X-Origin-Verify': value }
    request({ port, host: '127.0.0.1', path, headers, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
      .on('error', reject)
      .end()
  })
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

async function eventually(look: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (await look()) return
    await new Promise((turn) => setTimeout(turn, 20))
  }
  assert.fail('it never happened')
}
