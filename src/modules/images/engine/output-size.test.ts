import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOutputSize } from './output-size.ts'
import type { Inspected } from './inspect-input.ts'

const limits = { maxPixels: 0, maxFrames: 1, maxOutputPixels: 1_000_000, maxOutputSide: 2_000 }

function inspected(width: number, height: number): Inspected {
  return {
    bytes: Buffer.alloc(0),
    format: 'png',
    width,
    height,
    frames: 1,
    isAnimated: false,
    bitDepth: 8,
    outputFormat: 'png',
  }
}

const wide = [1_000, 50] as const
const cases: readonly {
  what: string
  source: readonly [number, number]
  edits: readonly { name: string; value: unknown }[]
  isAllowed: boolean
}[] = [
  {
    what: 'a panorama made less wide',
    source: wide,
    edits: [{ name: 'resize', value: { width: 900 } }],
    isAllowed: true,
  },
  {
    what: 'a panorama made as high as it is wide',
    source: wide,
    edits: [{ name: 'resize', value: { height: 900 } }],
    isAllowed: false,
  },
  {
    what: 'a panorama turned and then made as wide as it was',
    source: wide,
    edits: [
      { name: 'rotate', value: 90 },
      { name: 'resize', value: { width: 900 } },
    ],
    isAllowed: false,
  },
  {
    what: 'a panorama that its tag may turn, but that is not enlarged',
    source: wide,
    edits: [
      { name: 'rotate', value: 'auto' },
      { name: 'resize', value: { width: 900, withoutEnlargement: true } },
    ],
    isAllowed: true,
  },
  {
    what: 'a size that covers another',
    source: wide,
    edits: [{ name: 'resize', value: { width: 10, height: 200, fit: 'outside' } }],
    isAllowed: false,
  },
]
for (const { what, source, edits, isAllowed } of cases) {
  test(`${what} is ${isAllowed ? 'allowed' : 'refused'}`, () => {
    const check = () => checkOutputSize(inspected(...source), edits, limits)
    if (isAllowed) check()
    else assert.throws(check, /larger than 2000 pixels/)
  })
}
