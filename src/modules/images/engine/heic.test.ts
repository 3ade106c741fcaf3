import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import sharp from 'sharp'
import { deriveIn, limits, quietPool } from '../../../../test/support/deriving.ts'
import { card } from '../../../../test/support/pictures.ts'
import { ImageError } from '../image-error.ts'
import { copyrightOf } from './copyright.ts'
import type { Derive, Job } from './job.ts'

/*
 * `phone.heic` is the card of 128 x 96 by Debian's heif-enc: in Display P3, with EXIF that says Orientation 6 and a turn to
 * match (irot), as phones write them. `large.heic` has 12 million pixels of one colour.
 */
const SUPPORT = join(import.meta.dirname, '..', '..', '..', '..', 'test', 'support')
const phone = await readFile(join(SUPPORT, 'phone.heic'))

const pool = quietPool()
after(() => pool.close())

const JPEG = { width: 600, format: 'jpeg', options: { quality: 95 } }

const derive = (source: Buffer, more: Partial<Derive> = {}, job: Partial<Job> = {}, by = pool) =>
  deriveIn(by, source, { derivatives: [JPEG], ...more }, { job })

const fails =
  (status: number, code: string) =>
  (error: unknown): boolean =>
    error instanceof ImageError && error.status === status && error.code === code

test('a picture of a phone comes out upright, in its colours, with its copyright and its EXIF', async () => {
  const { made, description, exif } = await derive(phone, { types: ['heic'], exif: 'all' })
  assert.deepEqual(description.original, { format: 'heic', width: 96, height: 128, bytes: phone.length })
  const [result] = made
  const { data, info } = await sharp(result!.bytes).raw().toBuffer({ resolveWithObject: true })
  assert.deepEqual([info.width, info.height], [96, 128])
  // Red, green, blue and yellow of the card, turned by a quarter. Taken for sRGB, P3 would be 30 off and more.
  const quarters = [
    [10, 10, [20, 20, 220]],
    [85, 10, [230, 20, 20]],
    [10, 117, [230, 200, 20]],
    [85, 117, [20, 200, 20]],
  ] as const
  for (const [x, y, colour] of quarters)
    for (const [channel, value] of colour.entries()) {
      const found = data[(y * info.width + x) * 3 + channel]!
      assert.ok(Math.abs(found - value) <= 6, `${x} ${y}: ${found} is not ${value}`)
    }
  assert.equal(copyrightOf(result!.bytes)?.Copyright, 'A. Nobody')
  assert.equal(exif?.['Image']?.['Model'], 'Snap 3')
  assert.deepEqual(exif?.['location'], { latitude: 52.5, longitude: 13.25 })
})

test('without a decoder the refusal says what the picture is and what to install, and others are done', async () => {
  await using bare = quietPool(join(import.meta.dirname, 'without-heic.fixture.ts'))
  await assert.rejects(derive(phone, {}, {}, bare), (error) => {
    assert.ok(fails(415, 'HeicDecoderMissing')(error))
    assert.match(String(error), /HEIC.*npm install heic-decode/)
    return true
  })
  assert.equal((await derive(await card().png().toBuffer(), {}, {}, bare)).made.length, 1)
  assert.equal(bare.counts.crashed, 0)
})

test('what is too large or not wanted is refused before anything is decoded', async () => {
  // Only the head is there: decoding it would fail otherwise.
  const head = phone.subarray(0, 900)
  await assert.rejects(derive(head, { types: ['jpeg'] }), fails(400, 'UNSUPPORTED_TYPE'))
  await assert.rejects(derive(head, { minSide: 97 }), fails(400, 'IMAGE_TOO_SMALL'))
  const few = { limits: { ...limits, maxPixels: 10_000 } }
  await assert.rejects(derive(head, {}, few), fails(413, 'TooLargeImageException'))
})

test('broken files are refused one by one, and the process goes on', async () => {
  for (const length of [12, 40, 200, 700, 900, 1_000, phone.length - 1])
    await assert.rejects(derive(phone.subarray(0, length)), fails(400, 'InstantiationError'), `${length}`)
  // Some of these the decoder conceals: a picture or a refusal, and nothing else.
  let refused = 0
  for (let at = 30; at < phone.length; at += 50) {
    const broken = Buffer.from(phone).fill(0xa5, at, at + 3)
    await derive(broken).catch((error: unknown) => {
      assert.ok(error instanceof ImageError && error.status < 500, `${at}: ${String(error)}`)
      refused++
    })
  }
  assert.ok(refused > 0)
  assert.equal((await derive(phone)).made.length, 1)
  assert.deepEqual([pool.counts.crashed, pool.counts.outOfMemory], [0, 0])
})

test('a decoder that wants more memory than it may have is refused, and reads the next picture', () => {
  const fixture = join(import.meta.dirname, 'limited-heic.fixture.ts')
  const files = ['large.heic', 'phone.heic'].map((name) => join(SUPPORT, name))
  const run = (maxBytes: number) =>
    spawnSync(process.execPath, [fixture, `${maxBytes}`, ...files], { encoding: 'utf8' }).stdout.split('\n')
  assert.deepEqual(run(64 << 20), ['413 TooLargeImageException', '96 x 128', ''])
  assert.deepEqual(run(256 << 20), ['4032 x 3024', '96 x 128', ''])
})
