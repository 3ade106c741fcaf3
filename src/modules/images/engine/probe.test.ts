import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import fc from 'fast-check'
import sharp from 'sharp'
import { animation, card, DRAWING } from '../../../../test/support/pictures.ts'
import { beforeFirstScan, probe, sniffFormat } from './probe.ts'

const samples = new Map<string, Buffer>()
before(async () => {
  const gif = await animation(5)
  const progressive = { progressive: true }
  for (const [name, bytes] of [
    ['jpeg', card().jpeg().toBuffer()],
    ['jpeg progressive', card().jpeg(progressive).toBuffer()],
    [
      'jpeg with metadata',
      card()
        .withExif({ IFD0: { Copyright: 'x' } })
        .jpeg()
        .toBuffer(),
    ],
    ['png', card().png().toBuffer()],
    ['webp lossy', card().webp().toBuffer()],
    ['webp lossless', card().webp({ lossless: true }).toBuffer()],
    ['webp extended', card().ensureAlpha(0.5).webp().toBuffer()],
    ['webp animated', sharp(gif, { animated: true }).webp().toBuffer()],
    ['tiff', card().tiff().toBuffer()],
    ['avif', card().avif({ effort: 0 }).toBuffer()],
    ['avif of 10 bits', card().avif({ effort: 0, bitdepth: 10 }).toBuffer()],
    ['gif', Promise.resolve(gif)],
    ['svg', Promise.resolve(Buffer.from(DRAWING))],
    ['svg in UTF-16', Promise.resolve(Buffer.from(`\uFEFF${DRAWING}`, 'utf16le'))],
    ['svg with a viewBox', Promise.resolve(Buffer.from('<?xml version="1.0"?>\n<svg viewBox="0 0 40 30"/>'))],
  ] as const)
    samples.set(name, await bytes)
})

const expected: Readonly<
  Record<string, readonly [format: string, width: number, height: number, frames: number]>
> = {
  jpeg: ['jpeg', 80, 60, 1],
  'jpeg progressive': ['jpeg', 80, 60, 1],
  'jpeg with metadata': ['jpeg', 80, 60, 1],
  png: ['png', 80, 60, 1],
  'webp lossy': ['webp', 80, 60, 1],
  'webp lossless': ['webp', 80, 60, 1],
  'webp extended': ['webp', 80, 60, 1],
  'webp animated': ['webp', 16, 12, 5],
  tiff: ['tiff', 80, 60, 1],
  avif: ['avif', 80, 60, 1],
  'avif of 10 bits': ['avif', 80, 60, 1],
  gif: ['gif', 16, 12, 5],
  svg: ['svg', 40, 30, 1],
  'svg in UTF-16': ['svg', 40, 30, 1],
  'svg with a viewBox': ['svg', 40, 30, 1],
}
for (const [name, facts] of Object.entries(expected)) {
  test(`the header of ${name} tells type, size and frames`, () => {
    const found = probe(samples.get(name)!)
    assert.deepEqual([found?.format, found?.width, found?.height, found?.frames], facts)
    assert.equal(found?.bitDepth, name.includes('10 bits') ? 10 : 8)
  })
}

test('what stands before the first scan of a JPEG has its metadata and nothing of its pixels', () => {
  for (const name of ['jpeg', 'jpeg progressive', 'jpeg with metadata']) {
    const bytes = samples.get(name)!
    const headers = beforeFirstScan(bytes)
    assert.equal(bytes.readUInt16BE(headers.length), 0xffda)
    assert.equal(headers.includes('Exif\0\0'), name === 'jpeg with metadata')
  }
})

test('what is no picture is none', () => {
  for (const text of ['', 'GIF', '<html><svg></svg>', '{}', '\xff\xd8', 'RIFFxxxxWAVE', 'II*', '%PDF-1.7'])
    assert.equal(
      sniffFormat(Buffer.from(text, 'latin1')) === undefined ||
        probe(Buffer.from(text, 'latin1')) === undefined,
      true,
      text,
    )
})

test('damaged headers never throw, and cut ones are undefined or keep their size', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.keys(expected)),
      fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }),
      fc.nat(600),
      (name, changes, length) => {
        const bytes = Buffer.from(samples.get(name)!)
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        probe(bytes)
        assert.ok(beforeFirstScan(bytes).length <= bytes.length)
        const cut = probe(samples.get(name)!.subarray(0, length))
        if (cut !== undefined && cut.format !== 'svg' && cut.format !== 'tiff' && cut.format !== 'avif')
          assert.equal(cut.width, expected[name]![1])
      },
    ),
    { numRuns: 2000 },
  )
})
