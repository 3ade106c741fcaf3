import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp from 'sharp'
import { differenceOf, scene } from '../../../../test/support/pictures.ts'
import { imagesSchema } from '../config.ts'
import type { Job } from './job.ts'
import { render } from './render.ts'

const { limits } = imagesSchema.parse({ dialect: 'sih' })

function made(source: Buffer, format: string, more: Partial<Job>) {
  const job: Job = {
    edits: [{ name: 'resize', value: { width: 100 } }],
    format,
    options: {},
    isAnimatedByDefault: false,
    metadata: 'keep',
    limits,
    isStrict: false,
    faces: 'attention',
    timeoutSeconds: 9,
    ...more,
  }
  return render(job, [source], () => Promise.reject(new Error('nothing is asked here')))
}

const AUTOMATIC = { isAutomatic: true, factor: 1 }
const drawing = () => scene(200, 150)
const sources: readonly { what: string; source: () => Promise<Buffer> }[] = [
  { what: '16 bits', source: () => drawing().toColourspace('rgb16').png().toBuffer() },
  {
    what: '16 bits and a profile',
    source: () => drawing().toColourspace('rgb16').withIccProfile('p3').png().toBuffer(),
  },
  { what: 'a profile', source: () => drawing().withIccProfile('p3').jpeg({ quality: 95 }).toBuffer() },
  { what: 'CMYK', source: () => drawing().toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer() },
  { what: 'one channel', source: () => drawing().toColourspace('b-w').png().toBuffer() },
  { what: 'transparency', source: () => drawing().ensureAlpha(0.5).png().toBuffer() },
  { what: 'TIFF', source: () => drawing().tiff().toBuffer() },
]
for (const { what, source } of sources) {
  for (const metadata of ['keep', 'copyright', 'strip'] as const) {
    test(`a chosen quality leaves a picture with ${what} what it is, metadata: ${metadata}`, async () => {
      const bytes = await source()
      const chosen = await made(bytes, 'webp', { metadata, quality: AUTOMATIC })
      const usual = await made(bytes, 'webp', { metadata })
      assert.ok((await differenceOf(chosen.bytes, usual.bytes)) < 5)
      const [one, other] = await Promise.all([chosen, usual].map((each) => sharp(each.bytes).metadata()))
      for (const key of ['width', 'height', 'space', 'channels', 'hasAlpha', 'hasProfile', 'depth'] as const)
        assert.equal(one![key], other![key], key)
    })
  }
}

test('metadata is kept as the behavior says', async () => {
  const source = await drawing()
    .withExif({ IFD0: { Copyright: 'A. Nobody', Model: 'Phone' } })
    .jpeg()
    .toBuffer()
  const exif = async (metadata: Job['metadata']) => {
    const { bytes } = await made(source, 'jpeg', { metadata, quality: AUTOMATIC })
    return (await sharp(bytes).metadata()).exif?.toString('latin1') ?? ''
  }
  assert.match(await exif('keep'), /Phone/)
  const copyright = await exif('copyright')
  assert.match(copyright, /A\. Nobody/)
  assert.doesNotMatch(copyright, /Phone/)
  assert.equal(await exif('strip'), '')
})

test('a factor lowers what is given, what is chosen, and what the encoder would take', async () => {
  const source = await drawing().png().toBuffer()
  const length = async (more: Partial<Job>) => (await made(source, 'jpeg', more)).bytes.length
  const half = { isAutomatic: false, factor: 0.5 }
  assert.equal(
    await length({ options: { quality: 60 }, quality: half }),
    await length({ options: { quality: 30 } }),
  )
  assert.equal(await length({ quality: half }), await length({ options: { quality: 40 } }))
  assert.ok(
    (await length({ quality: { ...half, isAutomatic: true } })) < (await length({ quality: AUTOMATIC })),
  )
})

test('a number in an encoder edit is a number of the request', async () => {
  const source = await drawing().jpeg().toBuffer()
  const edits = [{ name: 'jpeg', value: { quality: 33 } }]
  const { bytes } = await made(source, 'jpeg', {
    format: undefined,
    edits,
    quality: AUTOMATIC,
  })
  const usual = await made(source, 'jpeg', { format: undefined, edits })
  assert.ok(bytes.equals(usual.bytes))
})
