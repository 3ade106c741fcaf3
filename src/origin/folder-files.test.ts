import assert from 'node:assert/strict'
import {
  mkdirSync,
  renameSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { BIG, bigText, MODIFIED, noProc, NOW, readBody, Site } from './folder.fixture.ts'

const site = new Site()
after(() => site.remove())

test('a long file is streamed, a part of it too, and its end closes it', async () => {
  const whole = await site.ask('/big.bin')
  assert.equal(whole.body.kind, 'stream')
  assert.equal(whole.body.length, BIG)
  assert.equal(await readBody(whole), bigText)
  const part = await site.ask('/big.bin', { headers: { Range: 'bytes=70001-270000' } })
  assert.equal(part.headers.get('content-range'), `bytes 70001-270000/${BIG}`)
  assert.equal(part.body.length, 200_000)
  assert.equal(await readBody(part), bigText.slice(70_001, 270_001))
  const small = await site.ask('/big.bin', { headers: { Range: 'bytes=200000-200009' } })
  assert.equal(small.body.kind, 'bytes')
  assert.equal(await readBody(small), bigText.slice(200_000, 200_010))
  const longest = await site.ask('/edge.bin')
  assert.equal(longest.body.kind, 'bytes')
})

test(
  'no file stays open when a body is read, discarded, peeked at or left half-way',
  { skip: noProc },
  async () => {
    await readBody(await site.ask('/big.bin'))
    await readBody(await site.ask('/hello.txt'))
    await site.ask('/hello.txt', { headers: { Range: 'bytes=99-' } })
    await site.ask('/big.bin', { method: 'HEAD' })
    await site.ask('/big.bin', { headers: { 'If-None-Match': '*' } })
    await site.ask('/dir')
    ;(await site.ask('/big.bin')).body.discard()
    const peeked = await site.ask('/big.bin')
    await peeked.body.peek(10)
    peeked.body.discard()
    const left = (await site.ask('/big.bin')).body.take()
    assert.ok(!Buffer.isBuffer(left))
    for await (const _piece of left) break
    await closed(() => site.openFiles().length === 0)
    assert.deepEqual(site.openFiles(), [])
  },
)

test('a long file is put into a buffer without pieces in between, and closed', { skip: noProc }, async () => {
  const place = Buffer.alloc(BIG + 1)
  const { body } = await site.ask('/big.bin')
  const bytes = await body.collect(BIG, () => place)
  assert.equal(bytes.toString(), bigText)
  assert.equal(bytes.buffer, place.buffer)
  assert.deepEqual(site.openFiles(), [])

  site.put('short.bin', bigText)
  const cut = await site.ask('/short.bin')
  truncateSync(site.file('short.bin'), 1000)
  await assert.rejects(
    cut.body.collect(BIG, () => place),
    /short\.bin became shorter than its 300000 bytes/,
  )
  assert.deepEqual(site.openFiles(), [])
})

/** Waits, turn by turn of the event loop, until descriptors that are being closed are closed. */
async function closed(isDone: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !isDone(); turn++) await new Promise((next) => setImmediate(next))
}

test('a file that is cut while it is sent is an error, not a short body', async () => {
  site.put('cut.bin', bigText)
  const stream = (await site.ask('/cut.bin')).body.take()
  assert.ok(!Buffer.isBuffer(stream))
  truncateSync(site.file('cut.bin'), 1000)
  await assert.rejects(text(stream), /cut\.bin became shorter than its 300000 bytes/)
})

test('a file that is replaced while it is sent is sent as it was', async () => {
  site.put('old.bin', bigText)
  site.put('new.bin', 'x'.repeat(BIG))
  const response = await site.ask('/old.bin')
  renameSync(site.file('new.bin'), site.file('old.bin'))
  assert.equal(await readBody(response), bigText)
  assert.notEqual(
    (await site.ask('/old.bin', { method: 'HEAD' })).headers.get('etag'),
    response.headers.get('etag'),
  )
})

test('the tag stays while the file does, and changes with its content even when size and second stay', async () => {
  site.put('tag.txt', 'aaaa')
  const first = (await site.ask('/tag.txt')).headers.get('etag')
  assert.equal((await site.ask('/tag.txt')).headers.get('etag'), first)
  writeFileSync(site.file('tag.txt'), 'bbbb')
  utimesSync(site.file('tag.txt'), MODIFIED / 1000, MODIFIED / 1000 + 0.002)
  assert.notEqual((await site.ask('/tag.txt')).headers.get('etag'), first)
})

test('Last-Modified is never later than now', async () => {
  site.put('future.txt', 'x')
  utimesSync(site.file('future.txt'), NOW / 1000 + 500, NOW / 1000 + 500)
  const response = await site.ask('/future.txt')
  assert.equal(response.headers.get('last-modified'), 'Tue, 24 Nov 2026 12:00:00 GMT')
})

test('a folder that is a link may be turned to another release while it is served', async () => {
  for (const release of ['r1', 'r2']) {
    mkdirSync(path.join(site.base, release))
    writeFileSync(path.join(site.base, release, 'a.txt'), release)
  }
  const folder = path.join(site.base, 'current')
  symlinkSync('r1', folder)
  assert.equal(await readBody(await site.ask('/a.txt', { folder })), 'r1')
  unlinkSync(folder)
  symlinkSync('r2', folder)
  assert.equal(await readBody(await site.ask('/a.txt', { folder })), 'r2')
  assert.equal((await site.ask('/a.txt', { folder: path.join(site.base, 'gone') })).status, 404)
})
