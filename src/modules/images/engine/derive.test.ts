import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import sharp from 'sharp'
import { deriveIn, quietPool, unasked } from '../../../../test/support/deriving.ts'
import { animation, card, differenceOf, scene } from '../../../../test/support/pictures.ts'
import { ImageError } from '../image-error.ts'
import type { Ask, Derive, JobDerivative } from './job.ts'

const pool = quietPool()
after(() => pool.close())

const derive = (
  source: Buffer,
  derivatives: readonly JobDerivative[],
  more: Partial<Derive> = {},
  ask?: Ask,
) => deriveIn(pool, source, { derivatives, ...more }, { ask })

const png = { format: 'png', options: {} }

test('what is made of one decode is what would be made one by one, for small and for large sources', async () => {
  const large = await scene(3_000, 2_000).jpeg({ quality: 95 }).toBuffer()
  const small = await scene(700, 500).png().toBuffer()
  for (const source of [large, small]) {
    const sizes = [{ width: 400, height: 400 }, { width: 600 }, { height: 90 }]
    const { made, description } = await derive(
      source,
      sizes.map((size) => ({ ...size, ...png })),
    )
    for (const [index, size] of sizes.entries()) {
      const direct = await sharp(source)
        .resize({ fit: 'cover', ...size })
        .png()
        .toBuffer()
      const { width, height, bytes } = made[index]!
      const found = await sharp(bytes).metadata()
      assert.deepEqual([found.width, found.height], [width, height])
      assert.ok((await differenceOf(bytes, direct)) < 1.5, JSON.stringify(size))
    }
    const { width, height } = await sharp(source).metadata()
    assert.deepEqual(
      [description.width, description.height, description.original.bytes],
      [width, height, source.length],
    )
  }
})

test('results are upright, not enlarged, with copyright and without the rest, and white where they cannot be transparent', async () => {
  const phone = await card(80, 60)
    .withExif({ IFD0: { Copyright: 'A. Nobody', Model: 'Phone' } })
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer()
  const { made, description } = await derive(phone, [{ width: 600, format: 'jpeg', options: {} }])
  const found = await sharp(made[0]!.bytes).metadata()
  assert.deepEqual([found.width, found.height, found.orientation ?? 1], [60, 80, 1])
  assert.deepEqual([description.width, description.height], [60, 80])
  const exif = found.exif?.toString('latin1') ?? ''
  assert.deepEqual([exif.includes('A. Nobody'), exif.includes('Phone')], [true, false])

  const clear = await sharp({
    create: { width: 20, height: 20, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
  })
    .png()
    .toBuffer()
  const both = await derive(clear, [
    { width: 10, format: 'jpeg', options: {} },
    { width: 10, format: 'webp', options: {} },
  ])
  const [white] = (await sharp(both.made[0]!.bytes).stats()).channels
  assert.ok(white!.mean > 250)
  assert.equal((await sharp(both.made[1]!.bytes).metadata()).hasAlpha, true)
})

test('odd sources come through: grey, sixteen bits, CMYK, and the first frame of an animation', async () => {
  const grey = card().greyscale()
  const sources = [
    await grey.clone().jpeg().toBuffer(),
    await card().toColourspace('rgb16').png().toBuffer(),
    await card().toColourspace('cmyk').jpeg().toBuffer(),
    await animation(3, 80, 60),
  ]
  for (const source of sources) {
    const { made } = await derive(source, [{ width: 40, height: 40, ...png }])
    const direct = await sharp(source).resize(40, 40).toColourspace('srgb').png().toBuffer()
    assert.ok((await differenceOf(made[0]!.bytes, direct)) < 3)
  }
})

const face = (Confidence?: number) => ({
  BoundingBox: { Left: 0.1, Top: 0.1, Width: 0.2, Height: 0.2 },
  Confidence,
})
/** What a service that finds people may answer, and what becomes of the picture. */
const PEOPLE: readonly { readonly answer: object; readonly code: string | undefined }[] = [
  { answer: { FaceDetails: [] }, code: undefined },
  { answer: { FaceDetails: [face(74.9)] }, code: undefined },
  { answer: { FaceDetails: [face(10), face(75)] }, code: 'NO_PEOPLE_ALLOWED' },
  { answer: { FaceDetails: [face()] }, code: 'NO_PEOPLE_ALLOWED' },
  { answer: { FaceDetails: 'none' }, code: 'DetectorError' },
  { answer: { Labels: [{ Name: 'Dog', Confidence: 99, Parents: [{ Name: 'Animal' }] }] }, code: undefined },
  { answer: { Labels: [{ Name: 'Person', Confidence: 50 }] }, code: undefined },
  { answer: { Labels: [{ Name: 'Dog' }, { Name: 'Person', Confidence: 99 }] }, code: 'NO_PEOPLE_ALLOWED' },
  {
    answer: { Labels: [{ Name: 'Child', Confidence: 80, Parents: [{ Name: 'Person' }] }] },
    code: 'NO_PEOPLE_ALLOWED',
  },
  { answer: { Labels: null }, code: 'DetectorError' },
]

test('services see a picture that is large enough for what small results are made of, and not too large', async () => {
  const cases = [
    { source: [3_000, 1_500], sees: [2_048, 1_024] },
    { source: [1_500, 3_000], sees: [1_024, 2_048] },
    { source: [300, 200], sees: [300, 200] },
  ] as const
  for (const { source, sees } of cases) {
    const seen: (readonly [string, number, number, number | undefined])[] = []
    const { made } = await derive(
      await scene(source[0], source[1]).jpeg().toBuffer(),
      [{ width: 10, height: 10, ...png }],
      { moderation: 60, people: { faces: true, labels: true, minConfidence: 75 } },
      async (question, rendering, minConfidence) => {
        const { width, height } = await sharp(rendering).metadata()
        seen.push([question, width, height, minConfidence])
        return { ModerationLabels: [], FaceDetails: [], Labels: [] }
      },
    )
    assert.deepEqual(seen, [
      ['moderation', ...sees, 60],
      ['faces', ...sees, undefined],
      ['labels', ...sees, 75],
    ])
    assert.equal(made[0]!.width, 10)
  }
})

test('what does not fit is refused before it is decoded, in the words of the reference', async () => {
  const picture = await card(80, 60).png().toBuffer()
  const labels = (names: readonly string[]) => () =>
    Promise.resolve({ ModerationLabels: names.map((Name) => ({ Name })) })
  const sizes = [{ width: 10, ...png }]
  const cases = [
    { more: { minSide: 61 }, ask: unasked, code: 'IMAGE_TOO_SMALL' },
    { more: { types: ['jpeg'] }, ask: unasked, code: 'UNSUPPORTED_TYPE' },
    { more: { moderation: 75 }, ask: labels(['Violence']), code: 'FAILED_MODERATION' },
    { more: { moderation: 75 }, ask: () => Promise.resolve({}), code: 'ModerationError' },
    ...PEOPLE.map(({ answer, code }) => ({
      more: { people: { faces: 'FaceDetails' in answer, labels: 'Labels' in answer, minConfidence: 75 } },
      ask: () => Promise.resolve(answer),
      code,
    })).filter(({ code }) => code !== undefined),
  ]
  for (const { more, ask, code } of cases)
    await assert.rejects(
      derive(picture, sizes, more, ask),
      (error) => error instanceof ImageError && error.code === code,
      code,
    )
  assert.equal(
    (await derive(picture, sizes, { minSide: 60, types: ['png'], moderation: 75 }, labels([]))).made.length,
    1,
  )
  for (const { answer, code } of PEOPLE) {
    if (code !== undefined) continue
    const people = { faces: 'FaceDetails' in answer, labels: 'Labels' in answer, minConfidence: 75 }
    const { made } = await derive(picture, sizes, { people }, () => Promise.resolve(answer))
    assert.equal(made.length, 1, JSON.stringify(answer))
  }
})
