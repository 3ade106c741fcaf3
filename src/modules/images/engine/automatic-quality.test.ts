import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { automaticQuality, hasAutomaticQuality, type Pixels } from './automatic-quality.ts'

/** A picture of 128 x 96 by the grey of each of its pixels. */
function picture(grey: (x: number, y: number) => number, channels = 3): Pixels {
  const [width, height] = [128, 96]
  const data = Buffer.alloc(width * height * channels, 255)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let channel = 0; channel < Math.min(3, channels); channel++)
        data[(y * width + x) * channels + channel] = grey(x, y)
  return { data, width, height, channels }
}

const smooth = picture((x, y) => 120 + 60 * Math.sin(x / 25) + 40 * Math.cos(y / 17) + ((x * 7 + y * 13) % 5))
const busy = picture((x, y) => (x * x * 31 + y * y * 17 + x * y * 7) % 256)
/** Half of it empty, the rest letters of a kind. */
const drawn = picture((x, y) => (y < 48 || (x >> 1) % 3 === 0 ? 255 : 0))

for (const format of ['jpeg', 'webp', 'avif']) {
  test(`a smooth picture needs less quality as ${format} than a busy one, and the same one always the same`, () => {
    const little = automaticQuality(smooth, format)
    const much = automaticQuality(busy, format)
    assert.ok(little.quality < much.quality, `${little.quality} and ${much.quality}`)
    assert.deepEqual(automaticQuality(smooth, format), little)
    assert.deepEqual([little.options, much.options], [{}, {}])
  })
}

test('what is drawn keeps its edges: full colour resolution as JPEG, no loss as WebP where colours are few', () => {
  const asJpeg = automaticQuality(drawn, 'jpeg')
  assert.deepEqual(asJpeg.options, { chromaSubsampling: '4:4:4' })
  assert.ok(asJpeg.quality >= 80)
  assert.deepEqual(automaticQuality(drawn, 'webp').options, { lossless: true })
  const manyColours = picture((x, y) => (y < 48 ? 255 : x + y))
  for (let i = 0; i < manyColours.data.length / 2; i += 3) manyColours.data.writeUInt16LE(i % 65_536, i + 1)
  manyColours.data.fill(255, 0, 128 * 40 * 3)
  assert.deepEqual(automaticQuality(manyColours, 'webp').options, { smartSubsample: true })
})

test('what is transparent counts for nothing', () => {
  const hidden = picture((x, y) => (x * x * 31 + y * y * 17) % 256, 4)
  for (let at = 3; at < hidden.data.length; at += 4) hidden.data[at] = 0
  assert.equal(automaticQuality(hidden, 'jpeg').quality, 80)
})

test('only the lossy formats of the web have one', () => {
  const formats = ['jpeg', 'webp', 'avif', 'png', 'gif', 'tiff', 'toString']
  assert.deepEqual(formats.map(hasAutomaticQuality), [true, true, true, false, false, false, false])
})

test('whatever the pixels, the quality is one that the format has, and never above 92', () => {
  const pixels = fc
    .record({
      width: fc.integer({ min: 1, max: 40 }),
      height: fc.integer({ min: 1, max: 40 }),
      channels: fc.integer({ min: 1, max: 4 }),
      seed: fc.uint8Array({ minLength: 1, maxLength: 200 }),
    })
    .map(({ width, height, channels, seed }): Pixels => ({
      data: Buffer.from(
        Array.from({ length: width * height * channels }, (_, at) => seed[at % seed.length]!),
      ),
      width,
      height,
      channels,
    }))
  fc.assert(
    fc.property(pixels, fc.constantFrom('jpeg', 'webp', 'avif'), (given, format) => {
      const { quality } = automaticQuality(given, format)
      assert.ok(Number.isInteger(quality) && quality >= 30 && quality <= 92, String(quality))
    }),
  )
})
