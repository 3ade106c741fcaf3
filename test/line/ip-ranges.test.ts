import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { createIpRanges } from '../../src/modules/ip-ranges/index.ts'
import { forgeries, snsSender } from '../support/aws/sns.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { planOf, runEdge } from '../support/running-edge.ts'
import { until } from '../support/until.ts'

interface Publisher extends AsyncDisposable {
  readonly url: string
  list: string
  /** Statuses of the answers for the list. */
  readonly answers: number[]
  /** Resolves with the next alarm that comes to the webhook. */
  alarm(): Promise<Readonly<Record<string, unknown>>>
}

/** Publishes a list with its ETag, and takes alarms. */
async function publish(list: string): Promise<Publisher> {
  const alarms: Readonly<Record<string, unknown>>[] = []
  const waiting: ((alarm: Readonly<Record<string, unknown>>) => void)[] = []
  const answers: number[] = []
  const publisher = { list }
  const server = createServer((request, response) => {
    if (request.method === 'POST') {
      void text(request).then((body) => {
        response.end()
        const alarm = JSON.parse(body) as Readonly<Record<string, unknown>>
        const next = waiting.shift()
        if (next === undefined) alarms.push(alarm)
        else next(alarm)
      })
      return
    }
    const etag = `"${md5Of(publisher.list)}"`
    const isKnown = request.headers['if-none-match'] === etag
    answers.push(isKnown ? 304 : 200)
    response.writeHead(isKnown ? 304 : 200, { etag }).end(isKnown ? undefined : publisher.list)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(publisher, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answers,
    alarm: () => {
      const known = alarms.shift()
      return known === undefined
        ? new Promise<Readonly<Record<string, unknown>>>((resolve) => waiting.push(resolve))
        : Promise.resolve(known)
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  })
}

const md5Of = (value: string): string => createHash('md5').update(value).digest('hex')

/** A document of AWS's form; the number is its time of publication. */
const document = (publishedAt: number, ...prefixes: string[]): string =>
  JSON.stringify({
    syncToken: String(publishedAt),
    createDate: '2024-06-01-00-33-09',
    prefixes: prefixes.map((ip_prefix) => ({ ip_prefix, region: 'GLOBAL', service: 'CLOUDFRONT' })),
    ipv6_prefixes: [],
  })

const PATH = '/_ranges'
const SITE = { origins: { o: { folder: '.' } }, defaultBehavior: { origin: 'o' } }

const configFor = (publisher: Publisher, more: object = {}) => ({
  alarmWebhook: `${publisher.url}/alarm`,
  feeds: {
    cloudfront: {
      url: `${publisher.url}/ip-ranges.json`,
      services: ['CLOUDFRONT'],
      notifications: { distribution: 'test', path: PATH },
      targets: [{ ipSet: 'cloudfront' }, { nginx: { file: 'allow.conf' } }, { trustedProxies: true }],
      ...more,
    },
  },
})

async function edgeWith(publisher: Publisher, clock: ManualClock, certificate = '') {
  const confirmed: string[] = []
  /** Amazon's hosts are answered here, everything else is a real request. */
  const module = createIpRanges((input, init) => {
    const url = input instanceof Request ? input.url : String(input)
    if (!url.startsWith('https://sns.us-east-1.amazonaws.com/')) return fetch(input, init)
    if (!url.endsWith('.pem')) confirmed.push(url)
    return Promise.resolve(new Response(url.endsWith('.pem') ? certificate : '<ok/>'))
  })
  const edge = await runEdge(SITE, {
    clock,
    modules: [module],
    top: { ipRanges: configFor(publisher) },
  })
  const allowed = async (): Promise<string[]> =>
    [
      ...(await readFile(join(edge.folder, 'allow.conf'), 'utf8').catch(() => '')).matchAll(
        /^allow (.*);$/gm,
      ),
    ].map(([, range]) => range!)
  const audit = async (): Promise<Readonly<Record<string, unknown>>[]> =>
    (await readFile(join(edge.folder, '.edgeward', 'ip-ranges', 'audit.jsonl'), 'utf8').catch(() => ''))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
  return {
    edge,
    confirmed,
    allowed,
    audit,
    post: (body: string) => fetch(edge.url + PATH, { method: 'POST', body }),
  }
}

test('an edge takes the list when it starts, asks again with the ETag, and believes the proxies in it', async () => {
  const clock = new ManualClock()
  await using publisher = await publish(document(1000, '127.0.0.0/8', '198.51.100.0/24'))
  const { edge, allowed } = await edgeWith(publisher, clock)
  await using _ = edge
  const client = async (): Promise<string> => {
    const count = edge.visits().length + 1
    await fetch(`${edge.url}/x`, { headers: { 'X-Forwarded-For': '203.0.113.9' } })
    return (await edge.ended(count)).at(-1)!.request.client.address
  }
  await until(() => edge.said.some((line) => line.includes('trusted proxies of this edge: 2 added')))
  assert.deepEqual(await allowed(), ['127.0.0.0/8', '198.51.100.0/24'])
  assert.equal(await client(), '203.0.113.9')

  clock.advance(3_600_000)
  await until(() => publisher.answers.length === 2)
  publisher.list = document(2000, '127.0.0.0/9', '127.128.0.0/9', '198.51.100.0/24', '192.0.2.0/24')
  // The next look is scheduled when this one has ended, which nothing outside shows.
  await until(() => {
    if (publisher.answers.length < 3) clock.advance(3_600_000)
    return publisher.answers.length >= 3
  })
  await until(async () => (await allowed()).length === 4)
  assert.deepEqual(publisher.answers.slice(0, 3), [200, 304, 200])
  assert.equal(await client(), '203.0.113.9')
})

test('a notification brings the new list, a confirmation confirms, and what is not of SNS is refused and changes nothing', async () => {
  const clock = new ManualClock()
  const sender = await snsSender(() => clock.now())
  await using publisher = await publish(document(1000, '192.0.2.0/24'))
  const running = await edgeWith(publisher, clock, sender.certificate)
  const { edge, allowed, post, confirmed } = running
  await using _ = edge
  await until(() => edge.said.some((line) => line.includes('trusted proxies of this edge: 1 added')))
  const change = (md5: string, url = `${publisher.url}/ip-ranges.json`): string =>
    JSON.stringify({ url, md5, synctoken: '2000' })

  assert.equal((await post(sender.confirmation())).status, 200)
  assert.match(
    confirmed.join(),
    /\?Action=ConfirmSubscription&TopicArn=arn:aws:sns:us-east-1:806199016981:AmazonIpSpaceChanged&Token=/,
  )

  publisher.list = document(2000, '192.0.2.0/24', '198.51.100.0/24')
  const genuine = sender.notification(change(md5Of(publisher.list)))
  assert.equal((await post(genuine)).status, 200)
  await until(() =>
    edge.said.some((line) =>
      line.includes('trusted proxies of this edge: 1 added, 0 removed (notification)'),
    ),
  )
  assert.deepEqual(await allowed(), ['192.0.2.0/24', '198.51.100.0/24'])

  const asked = publisher.answers.length
  for (const { name, body } of await forgeries(sender, genuine, () => clock.now())) {
    const response = await post(body)
    assert.equal(response.status, 403, name)
    assert.equal(await response.text(), '', name)
  }
  const elsewhere = sender.notification(change('a'.repeat(32), 'https://elsewhere.test/ip-ranges.json'))
  assert.equal((await post(elsewhere)).status, 403)
  assert.equal((await post('x'.repeat(600_000))).status, 413)
  assert.equal(publisher.answers.length, asked)
  assert.deepEqual(await allowed(), ['192.0.2.0/24', '198.51.100.0/24'])
})

test('a list that is not the one announced, older, shrunk or broken changes nothing and raises one alarm each', async () => {
  const clock = new ManualClock()
  const sender = await snsSender(() => clock.now())
  const first = document(1000, '192.0.2.0/24', '198.51.100.0/24')
  await using publisher = await publish(first)
  const { edge, allowed, audit, post } = await edgeWith(publisher, clock, sender.certificate)
  await using _ = edge
  await until(() => edge.said.some((line) => line.includes('trusted proxies of this edge: 2 added')))
  const before = await audit()

  const cases = [
    {
      why: 'md5',
      list: document(2000, '192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24'),
      md5: 'a'.repeat(32),
    },
    { why: 'older', list: document(999, '192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24') },
    { why: 'shrinks', list: document(2000, '192.0.2.0/24') },
    { why: 'unparsable', list: '{"prefixes": [' },
    { why: 'unparsable', list: document(2000, '0.0.0.0/0') },
    { why: 'unparsable', list: document(2000) },
  ]
  for (const { why, list, md5 } of cases) {
    publisher.list = list
    const url = `${publisher.url}/ip-ranges.json`
    assert.equal(
      (await post(sender.notification(JSON.stringify({ url, md5: md5 ?? md5Of(list) })))).status,
      200,
    )
    const alarm = await publisher.alarm()
    assert.deepEqual([alarm['feed'], alarm['state'], alarm['why']], ['cloudfront', 'alarm', why])
    assert.deepEqual(await allowed(), ['192.0.2.0/24', '198.51.100.0/24'])
  }
  const after = (await audit()).slice(before.length)
  assert.deepEqual(
    after.map(({ event, by }) => `${String(event)} ${String(by)}`),
    cases.map(() => 'refused notification'),
  )
  assert.match(
    edge.said.join('\n'),
    /shrinks: IPv4 would go from 2 to 1 ranges \(512 to 256 addresses\); at most 20 % may go at once/,
  )

  publisher.list = first
  await post(
    sender.notification(JSON.stringify({ url: `${publisher.url}/ip-ranges.json`, md5: md5Of(first) })),
  )
  assert.deepEqual(await publisher.alarm(), { module: 'ip-ranges', feed: 'cloudfront', state: 'ok' })
})

test('a reload brings other targets, another path and other proxies, without a restart; the metrics tell', async () => {
  const clock = new ManualClock()
  const sender = await snsSender(() => clock.now())
  await using publisher = await publish(document(1000, '127.0.0.0/8', '198.51.100.0/24'))
  const { edge, post } = await edgeWith(publisher, clock, sender.certificate)
  await using _ = edge
  await until(() => edge.said.some((line) => line.includes('trusted proxies of this edge: 2 added')))
  assert.equal(edge.edge.plan.current.isTrustedProxy('198.51.100.7'), true)
  const config = (ipRanges: object) => ({
    listeners: [{ port: 0, host: '127.0.0.1' }],
    distributions: { test: SITE },
    admin: false,
    ipRanges,
  })

  const notifications = { distribution: 'test', path: '/elsewhere' }
  const targets = [{ nginx: { file: 'other.conf' } }]
  await edge.edge.reload(
    await planOf(config(configFor(publisher, { notifications, targets })), edge.folder, 2),
  )
  await until(() => edge.said.some((line) => line.includes('other.conf: 2 added')))
  assert.equal((await post(sender.confirmation())).status, 403, 'no route, and a folder takes no POST')
  assert.equal(
    (await fetch(`${edge.url}/elsewhere`, { method: 'POST', body: sender.confirmation() })).status,
    200,
  )
  assert.equal(edge.edge.plan.current.isTrustedProxy('198.51.100.7'), false)
  assert.match(edge.edge.metricsText(), /edgeward_ip_ranges_ranges\{feed="cloudfront"\} 2\n/)
  assert.match(edge.edge.metricsText(), /edgeward_ip_ranges_alarm\{feed="cloudfront"\} 0/)
})
