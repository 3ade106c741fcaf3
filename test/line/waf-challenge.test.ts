import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TOKEN_PATH } from '../../src/waf/token/page.ts'
import { bytes, rule, webAcl } from '../../src/waf/waf.fixture.ts'
import { noBrowser, openBrowser } from '../support/browser.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { runEdge } from '../support/running-edge.ts'
import { scriptOrigin } from '../support/scripted-origin.ts'

const ALL = bytes({ UriPath: {} }, '/', 'STARTS_WITH')
const PAGE = 'the page itself'
const html = `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: ${PAGE.length}\r\n\r\n${PAGE}`

function site(originUrl: string, action: object, more: object = {}) {
  return {
    origins: { o: { url: originUrl } },
    defaultBehavior: { origin: 'o', cachePolicy: 'CachingDisabled' },
    webAcl: webAcl([rule('check', 0, ALL, action)], more),
  }
}

test(
  'a browser solves a Challenge by itself and is let through until its immunity is over',
  { skip: noBrowser },
  async () => {
    await using origin = await scriptOrigin((_head, socket) => socket.write(html))
    const clock = new ManualClock()
    await using edge = await runEdge(site(origin.url, { Challenge: {} }), { clock })
    await using browser = await openBrowser()
    const context = await browser.newContext()
    const page = await context.newPage()
    const first = await page.goto(`${edge.url}/shop?a=1`)
    assert.equal(first!.status(), 202)
    assert.equal(first!.headers()['x-amzn-waf-action'], 'challenge')
    await page.getByText(PAGE).waitFor()
    assert.equal(page.url(), `${edge.url}/shop?a=1`)
    const [cookie] = await context.cookies()
    assert.equal(cookie!.name, 'aws-waf-token')
    assert.equal(cookie!.httpOnly, true)
    const again = await page.goto(`${edge.url}/other`)
    assert.equal(again!.status(), 200)
    // Five minutes later the browser has to prove itself anew, and does.
    clock.advance(301_000)
    const late = await page.goto(`${edge.url}/late`)
    assert.equal(late!.status(), 202)
    await page.getByText(PAGE).waitFor()
  },
)

test(
  'a Captcha waits for a click, and a solved Challenge is not enough for it',
  { skip: noBrowser },
  async () => {
    await using origin = await scriptOrigin((_head, socket) => socket.write(html))
    await using edge = await runEdge(site(origin.url, { Captcha: {} }))
    await using browser = await openBrowser()
    const page = await browser.newPage()
    const first = await page.goto(edge.url)
    assert.equal(first!.status(), 405)
    const button = page.getByRole('button', { name: 'I am a person' })
    await button.waitFor()
    await button.click()
    await page.getByText(PAGE).waitFor()
    const visits = edge.visits().filter(({ request }) => request.path === '/')
    assert.deepEqual(
      visits.map(({ waf }) => waf!.action),
      ['captcha', 'allow'],
    )
  },
)

test('clients that take no HTML get the bare status, and wrong solutions no token', async () => {
  await using edge = await runEdge(site('http://127.0.0.1:9', { Challenge: {} }))
  const bare = await fetch(edge.url, { headers: { accept: 'application/json' } })
  assert.equal(bare.status, 202)
  assert.equal(await bare.text(), '')
  const page = await (await fetch(edge.url, { headers: { accept: 'text/html' } })).text()
  const challenge = /data-challenge="([^"]+)"/.exec(page)![1]!
  for (const body of [
    '',
    '{}',
    JSON.stringify({ challenge, counter: -1 }),
    JSON.stringify({ challenge, counter: 0.5 }),
    JSON.stringify({ challenge: challenge.replace(/^c/, 'p'), counter: 1 }),
    JSON.stringify({ challenge: 'x'.repeat(100_000), counter: 1 }),
  ]) {
    const answer = await fetch(`${edge.url}${TOKEN_PATH}/token`, { method: 'POST', body })
    assert.equal(answer.status, 400, body.slice(0, 60))
    assert.equal(answer.headers.get('set-cookie'), null)
  }
  const forged = await fetch(edge.url, {
    headers: { cookie: `aws-waf-token=1.zzzzzz.zzzzzz.bG9jYWxob3N0.${'A'.repeat(43)}` },
  })
  assert.equal(forged.status, 202)
})

test('without a rule that asks for tokens, the paths of the page belong to the origin', async () => {
  await using origin = await scriptOrigin((_head, socket) => socket.write(html))
  await using edge = await runEdge(site(origin.url, { Count: {} }))
  const response = await fetch(`${edge.url}${TOKEN_PATH}/page.js`)
  assert.equal(await response.text(), PAGE)
})
