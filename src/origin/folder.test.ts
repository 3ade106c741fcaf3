import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createServer } from 'node:net'
import { after, test } from 'node:test'
import { MODIFIED_TEXT, noProc, readBody, Site } from './folder.fixture.ts'

const site = new Site()
after(() => site.remove())

test('a file comes with type, length, validators and the offer of ranges', async () => {
  const response = await site.ask('/hello.txt')
  assert.equal(response.status, 200)
  const { headers } = response
  assert.equal(headers.get('content-type'), 'text/plain; charset=utf-8')
  assert.equal(headers.get('content-length'), '10')
  assert.equal(headers.get('accept-ranges'), 'bytes')
  assert.equal(headers.get('last-modified'), MODIFIED_TEXT)
  assert.match(headers.get('etag')!, /^"[0-9a-f]+-a-[0-9a-f]+"$/)
  assert.equal(await readBody(response), '0123456789')
})

const served: readonly [asked: string, content: string][] = [
  ['/', '<h1>home</h1>'],
  ['/dir/', '<h1>dir</h1>'],
  ['/empty.txt', ''],
  ['/no-ending', 'x'],
  ['/a%20b+c%25d.txt', 'odd'],
  ['/a b+c%25d.txt', 'odd'],
  ['/%C3%A9t%C3%A9.txt', 'summer'],
  ['/été.txt', 'summer'],
  ['/.well-known/security.txt', 'contact'],
  ['/inside.txt', '0123456789'],
  ['/absolute-inside.txt', '0123456789'],
  ['/inside-dir/', '<h1>dir</h1>'],
  ['/inside-dir/index.html', '<h1>dir</h1>'],
]

for (const [asked, content] of served) {
  test(`${asked} is served`, async () => {
    const response = await site.ask(asked)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-length'), String(Buffer.byteLength(content)))
    assert.equal(await readBody(response), content)
  })
}

const refused: readonly [asked: string, status: number][] = [
  ['/nothing', 404],
  ['/nothing/', 404],
  ['/nothing/at/all', 404],
  ['/hello.txt/', 404],
  ['/hello.txt/more', 404],
  ['/dir/deep', 404],
  ['/dir/deep/', 404],
  ['/empty/', 404],
  ['/empty', 404],
  ['/../secret.txt', 404],
  ['/%2e%2e/secret.txt', 404],
  ['/..%2fsecret.txt', 404],
  ['/dir/%2e%2e%2f%2e%2e%2fsecret.txt', 404],
  ['/..%5csecret.txt', 404],
  ['/..\\secret.txt', 404],
  ['/%252e%252e/secret.txt', 404],
  ['//etc/passwd', 404],
  ['/hello.txt%00.html', 404],
  ['/.env', 404],
  ['/%2eenv', 404],
  ['/.git/config', 404],
  ['/outside.txt', 404],
  ['/outside-dir/secret.txt', 404],
  ['/outside-dir', 404],
  ['/sibling/secret.txt', 404],
  ['/passwd', 404],
  ['/device', 404],
  ['/dangling', 404],
  ['/loop', 404],
  ['/pipe', 404],
  ['/socket', 404],
  [`/${'n'.repeat(256)}`, 404],
  [`/${'n/'.repeat(4000)}x`, 404],
  ['/%', 400],
  ['/%zz', 400],
  ['/%ff', 400],
  ['/%c0%ae%c0%ae/secret.txt', 400],
  ['hello.txt', 400],
]

test('what may not be served is refused with a small page, whatever it is called, and leaves no file open', async () => {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(site.file('socket'), listening))
  try {
    for (const [asked, status] of refused) {
      const response = await site.ask(asked)
      const name = asked.slice(0, 60)
      assert.equal(response.status, status, name)
      assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8', name)
      const body = await readBody(response)
      assert.match(body, new RegExp(`<h1>${status} `), name)
      assert.equal(response.headers.get('content-length'), String(body.length), name)
      const head = await site.ask(asked, { method: 'HEAD' })
      assert.equal(head.status, status, name)
      assert.equal(head.body.kind, 'none', name)
    }
    if (noProc === false) assert.deepEqual(site.openFiles(), [])
  } finally {
    await new Promise((closed) => server.close(closed))
  }
})

test(
  'a file this process may not read is forbidden',
  { skip: process.getuid?.() === 0 && 'root reads every file' },
  async () => {
    site.put('locked.txt', 'x')
    execFileSync('chmod', ['000', site.file('locked.txt')])
    assert.equal((await site.ask('/locked.txt')).status, 403)
  },
)

const redirects: readonly [asked: string, query: string | undefined, location: string][] = [
  ['/dir', undefined, './dir/'],
  ['/dir', 'a=1&b=%2F', './dir/?a=1&b=%2F'],
  ['/inside-dir', undefined, './inside-dir/'],
  ['/a:b', undefined, './a:b/'],
]

for (const [asked, query, location] of redirects) {
  test(`${asked} with query ${query} redirects to ${location}`, async () => {
    const response = await site.ask(asked, query === undefined ? {} : { query })
    assert.equal(response.status, 301)
    assert.equal(response.headers.get('location'), location)
    const target = new URL(location, `http://site.example${asked}`)
    assert.equal(target.href, `http://site.example${asked}/${query === undefined ? '' : `?${query}`}`)
  })
}

test('index files are tried in their order', async () => {
  const indexFiles = ['index.html', 'default.htm']
  assert.equal(await readBody(await site.ask('/two/', { indexFiles })), 'second index')
  assert.equal((await site.ask('/two', { indexFiles })).status, 301)
  assert.equal((await site.ask('/two')).status, 404)
  assert.equal((await site.ask('/', { indexFiles: [] })).status, 404)
})

test('HEAD says what GET would and has no body', async () => {
  for (const asked of ['/hello.txt', '/big.bin', '/dir/']) {
    const get = await site.ask(asked)
    const head = await site.ask(asked, { method: 'HEAD' })
    get.body.discard()
    assert.equal(head.status, 200)
    assert.deepEqual(head.headers.raw, get.headers.raw)
    assert.equal(head.body.kind, 'none')
  }
})

test('methods that change things are refused with what is allowed', async () => {
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'get']) {
    const response = await site.ask('/hello.txt', { method })
    assert.equal(response.status, 405, method)
    assert.equal(response.headers.get('allow'), 'GET, HEAD, OPTIONS', method)
  }
})

test('OPTIONS says what is allowed and has no content', async () => {
  const response = await site.ask('/hello.txt', { method: 'OPTIONS' })
  assert.equal(response.status, 204)
  assert.deepEqual(response.headers.raw, ['Allow', 'GET, HEAD, OPTIONS'])
  assert.equal(response.body.kind, 'none')
})
