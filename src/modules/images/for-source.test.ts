import assert from 'node:assert/strict'
import { test } from 'node:test'
import { card } from '../../../test/support/pictures.ts'
import { forSource } from './for-source.ts'
import type { Edit, OutputWish } from './task.ts'

const SOURCE = { bucket: undefined, key: 'a' }
const RESPONSE = { headers: [], cacheControl: undefined }
const AS_IT_IS: OutputWish = { format: undefined, isNegotiated: false, options: {} }
const AUTO: OutputWish = { ...AS_IT_IS, format: 'webp', isNegotiated: true, skipsSameFormat: true }

const resize = (width: number, fromWidth?: number): Edit => ({
  name: 'resize',
  value: { width },
  from: 'test',
  ...(fromWidth !== undefined && { fromWidth }),
})
const flip: Edit = { name: 'flip', value: true, from: 'test' }

const webp = await card().webp().toBuffer()
const png = await card().png().toBuffer()

const cases: readonly {
  what: string
  output: OutputWish
  edits: readonly Edit[]
  bytes?: Buffer
  left: readonly Edit[]
  isOriginal: boolean
}[] = [
  {
    what: 'the negotiated format that is there already',
    output: AUTO,
    edits: [],
    left: [],
    isOriginal: true,
  },
  { what: 'another format', output: AUTO, edits: [], bytes: png, left: [], isOriginal: false },
  { what: 'an edit beside it', output: AUTO, edits: [flip], left: [flip], isOriginal: false },
  {
    what: 'a quality beside it',
    output: { ...AUTO, options: { quality: 50 } },
    edits: [],
    left: [],
    isOriginal: false,
  },
  {
    what: 'metadata to strip beside it',
    output: { ...AUTO, metadata: { exif: 'orientation', keepsRest: true, profile: 'keep' } },
    edits: [],
    left: [],
    isOriginal: false,
  },
  {
    what: 'metadata that stays beside it',
    output: { ...AUTO, metadata: { exif: 'keep', keepsRest: true, profile: 'keep' } },
    edits: [],
    left: [],
    isOriginal: true,
  },
  {
    what: 'a format that is asked for by name',
    output: { ...AS_IT_IS, format: 'webp' },
    edits: [],
    left: [],
    isOriginal: false,
  },
  {
    what: 'a width of exactly the source',
    output: AS_IT_IS,
    edits: [resize(80, 80)],
    left: [resize(80, 80)],
    isOriginal: false,
  },
  { what: 'a width above it', output: AS_IT_IS, edits: [resize(81, 81)], left: [], isOriginal: true },
  {
    what: 'a width above it, beside an edit',
    output: AUTO,
    edits: [flip, resize(81, 81)],
    left: [flip],
    isOriginal: false,
  },
  {
    what: 'a width above it gives way to the size before',
    output: AS_IT_IS,
    edits: [resize(20), flip, resize(81, 81)],
    left: [resize(20), flip],
    isOriginal: false,
  },
  {
    what: 'a width below it takes the place of the size before',
    output: AS_IT_IS,
    edits: [resize(20), flip, resize(40, 40)],
    left: [flip, resize(40, 40)],
    isOriginal: false,
  },
  {
    what: 'what is no picture keeps what is asked of it, but for widths',
    output: AUTO,
    edits: [flip, resize(10, 10)],
    bytes: Buffer.from('text'),
    left: [flip],
    isOriginal: false,
  },
]
for (const { what, output, edits, bytes = webp, left, isOriginal } of cases) {
  test(`${what}: ${isOriginal ? 'the original' : 'a variant'}`, () => {
    const task = { source: SOURCE, edits, output, response: RESPONSE }
    assert.deepEqual(forSource(task, edits, bytes), { edits: left, isOriginal })
  })
}
