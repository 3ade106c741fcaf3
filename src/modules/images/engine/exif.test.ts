import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import sharp from 'sharp'
import { card } from '../../../../test/support/pictures.ts'
import { exifFacts } from './exif.ts'

async function blockOf(format: 'jpeg' | 'png' | 'webp' | 'avif'): Promise<Buffer | undefined> {
  const picture = card().withExif({
    IFD0: { Make: 'Acme', Model: 'Snap 3', Copyright: '© Köhler', ImageDescription: 'a\tb' },
    IFD2: {
      DateTimeOriginal: '2026:01:02 03:04:05',
      OffsetTimeOriginal: '+02:00',
      ExposureTime: '1/200',
      FNumber: '28/10',
      BodySerialNumber: 'SN-1',
      CameraOwnerName: 'Somebody',
      UserComment: 'hello',
    },
    IFD3: {
      GPSLatitudeRef: 'S',
      GPSLatitude: '33/1 51/1 31/1',
      GPSLongitudeRef: 'E',
      GPSLongitude: '151/1 12/1 51/1',
      GPSAltitudeRef: '0',
      GPSAltitude: '585/10',
    },
  })
  const bytes = await picture.toFormat(format).toBuffer()
  return (await sharp(bytes).metadata()).exif
}

test('what the camera wrote is told in every format, and where and by whose device only of all', async () => {
  for (const format of ['jpeg', 'png', 'webp', 'avif'] as const) {
    const block = await blockOf(format)
    const camera = await exifFacts(block, 'camera')
    assert.deepEqual(Object.keys(camera ?? {}), ['Image', 'Photo'], format)
    assert.deepEqual(camera?.['Image']?.['Model'], 'Snap 3')
    // No clock of a camera knows a zone.
    assert.equal(camera?.['Photo']?.['DateTimeOriginal'], '2026-01-02T03:04:05')
    assert.equal(camera?.['Photo']?.['ExposureTime'], 0.005)
    assert.equal(camera?.['Photo']?.['UserComment'], 'hello')
    assert.doesNotMatch(JSON.stringify(camera), /GPS|SN-1|Somebody|location|a\\tb/)
    const all = await exifFacts(block, 'all')
    assert.deepEqual(all?.['location'], { latitude: -33.8586111, longitude: 151.2141667, altitude: 58.5 })
    assert.deepEqual(all?.['GPSInfo']?.['GPSLatitude'], [33, 51, 31])
    assert.equal(all?.['Photo']?.['BodySerialNumber'], 'SN-1')
  }
})

interface Entry {
  readonly tag: number
  readonly type: number
  readonly count: number
  readonly value: number
}

const HEADER = 8

/** A block of one directory with these entries, and zeros behind it up to `bytes`. */
function block(entries: readonly Entry[], bytes = 0, next = 0): Buffer {
  const size = HEADER + 2 + entries.length * 12 + 4
  const made = Buffer.alloc(Math.max(size, bytes))
  made.write('II*\0', 'latin1')
  made.writeUInt32LE(HEADER, 4)
  made.writeUInt16LE(entries.length, HEADER)
  for (const [i, { tag, type, count, value }] of entries.entries()) {
    const at = HEADER + 2 + i * 12
    made.writeUInt16LE(tag, at)
    made.writeUInt16LE(type, at + 2)
    made.writeUInt32LE(count, at + 4)
    made.writeUInt32LE(value, at + 8)
  }
  made.writeUInt32LE(next, size - 4)
  return made
}

const MAKE = { tag: 0x010f, type: 2, count: 4, value: 0x00656d41 } // "Ame"

test('what costs too much, is cut short or leads nowhere is none, and the rest of a block is told', async () => {
  assert.deepEqual(await exifFacts(block([MAKE]), 'all'), { Image: { Make: 'Ame' } })
  const long = { type: 4, count: 1 }
  const cases: readonly { readonly what: string; readonly bytes: Buffer | undefined }[] = [
    { what: 'nothing', bytes: undefined },
    { what: 'no bytes', bytes: Buffer.alloc(0) },
    { what: 'no EXIF', bytes: Buffer.from('this is text, and no block at all') },
    { what: 'one that is too large', bytes: block([MAKE], 300_000) },
    // A few bytes that declare gigabytes: all values lie at one place.
    {
      what: 'values upon values',
      bytes: block(
        Array.from({ length: 900 }, (_, i) => ({ tag: 0x1000 + i, type: 1, count: 60_000, value: 0 })),
        65_000,
      ),
    },
    { what: 'too many entries', bytes: block(Array.from({ length: 1_001 }, () => MAKE)) },
    { what: 'cut short', bytes: block([MAKE, MAKE]).subarray(0, 30) },
    // The reader would take one byte of it, and go elsewhere than what was counted.
    { what: 'a pointer of one byte', bytes: block([MAKE, { tag: 0x8769, type: 1, count: 1, value: 8 }]) },
    { what: 'a directory outside', bytes: block([MAKE, { tag: 0x8825, ...long, value: 1 << 30 }]) },
    { what: 'a next one outside', bytes: block([MAKE], 0, 1 << 30) },
  ]
  for (const { what, bytes } of cases) assert.equal(await exifFacts(bytes, 'all'), undefined, what)
  // It leads to itself, and is read once more.
  const circle = await exifFacts(block([MAKE, { tag: 0x8769, ...long, value: HEADER }], 0, HEADER), 'all')
  assert.equal(circle?.['Image']?.['Make'], 'Ame')
})

test('text that would be larger than a message is none', async () => {
  const text = Buffer.alloc(100_000, 'x')
  const made = block(
    // Nameless where the reader knows them by no name, so these are known ones, as bytes without a meaning.
    [0x010e, 0x010f, 0x0110, 0x0131, 0x013b, 0x8298].map((tag) => ({
      tag,
      type: 7,
      count: 2_000,
      value: 90,
    })),
    90 + 2_000,
  )
  made.fill('x', 90)
  const facts = await exifFacts(made, 'all')
  assert.equal(String(facts?.['Image']?.['Make']).length, 2_000)
  assert.ok(JSON.stringify(facts).length < text.length)
})

test('no bytes make it throw, take long or tell more than a message holds', async () => {
  const good = (await blockOf('jpeg'))!
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 20 }),
      fc.nat(good.length),
      async (changes, length) => {
        const broken = Buffer.from(good)
        for (const [at, byte] of changes) broken[at] = byte
        const facts = await exifFacts(broken.subarray(0, Math.max(length, good.length - length)), 'all')
        assert.ok(facts === undefined || JSON.stringify(facts).length <= 65_536)
      },
    ),
    { numRuns: 300 },
  )
})
