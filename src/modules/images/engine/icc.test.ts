import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import sharp from 'sharp'
import { isRgbProfile, spaceOf } from './icc.ts'

async function profileOf(name: string): Promise<Buffer> {
  const pixel = sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } })
  const image = pixel.toColourspace(name === 'cmyk' ? 'cmyk' : 'srgb').withIccProfile(name)
  const { icc } = await sharp(await image.jpeg().toBuffer()).metadata()
  return icc!
}

/** A profile with these primaries and this curve, and nothing else that counts. */
function profile(primaries: readonly (readonly number[])[], curve: Buffer): Buffer {
  const names = ['rXYZ', 'gXYZ', 'bXYZ', 'rTRC']
  const data = [
    ...primaries.map((primary) => {
      const bytes = Buffer.alloc(20)
      bytes.write('XYZ ', 'latin1')
      primary.forEach((part, axis) => bytes.writeInt32BE(Math.round(part * 65_536), 8 + 4 * axis))
      return bytes
    }),
    Buffer.concat([curve, Buffer.alloc(32)]),
  ]
  const head = Buffer.alloc(128 + 4 + 12 * names.length)
  head.write('RGB ', 16, 'latin1')
  head.writeUInt32BE(names.length, 128)
  let offset = head.length
  names.forEach((name, index) => {
    const at = 132 + 12 * index
    head.write(name, at, 'latin1')
    head.writeUInt32BE(offset, at + 4)
    head.writeUInt32BE(data[index]!.length, at + 8)
    offset += data[index]!.length
  })
  return Buffer.concat([head, ...data])
}

function curve(kind: string, ...numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(16)
  bytes.write(kind, 'latin1')
  if (kind === 'para') bytes.writeInt32BE(Math.round(numbers[0]! * 65_536), 12)
  else {
    bytes.writeUInt32BE(numbers[0]!, 8)
    if (numbers[0] === 1) bytes.writeUInt16BE(Math.round(numbers[1]! * 256), 12)
  }
  return bytes
}

const P3 = [
  [0.51512, 0.2412, -0.00105],
  [0.29198, 0.69225, 0.04189],
  [0.1571, 0.06657, 0.78407],
]
const ADOBE = [
  [0.60974, 0.31111, 0.01947],
  [0.20528, 0.62567, 0.06087],
  [0.14919, 0.06322, 0.74457],
]

test('sRGB and Display P3 are told by what they are, not by their names', async () => {
  assert.equal(spaceOf(await profileOf('srgb')), 'srgb')
  assert.equal(spaceOf(await profileOf('p3')), 'p3')
  assert.equal(spaceOf(profile(P3, curve('para', 2.4))), 'p3')
  assert.equal(spaceOf(profile(P3, curve('curv', 1024))), 'p3')
  assert.equal(spaceOf(profile(P3, curve('curv', 1, 2.2))), 'p3')
})

test('other primaries, other curves and other kinds of profiles are none of them', async () => {
  assert.equal(spaceOf(profile(ADOBE, curve('curv', 1, 2.2))), undefined)
  assert.equal(spaceOf(profile(P3, curve('curv', 1, 2.6))), undefined)
  assert.equal(spaceOf(profile(P3, curve('curv', 0))), undefined)
  assert.equal(spaceOf(profile(P3, curve('para', 1))), undefined)
  assert.equal(spaceOf(profile(P3, curve('text', 1))), undefined)
  const cmyk = await profileOf('cmyk')
  assert.equal(spaceOf(cmyk), undefined)
  assert.equal(isRgbProfile(cmyk), false)
})

test('a broken profile is of no space, and no error', async () => {
  const whole = await profileOf('p3')
  fc.assert(
    fc.property(
      fc.nat(whole.length),
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255))),
      (end, spoilt) => {
        const bytes = Buffer.from(whole)
        for (const [at, value] of spoilt) bytes[at] = value
        const found = spaceOf(bytes.subarray(0, end))
        assert.ok(found === undefined || found === 'p3' || found === 'srgb')
      },
    ),
  )
  assert.equal(spaceOf(Buffer.alloc(0)), undefined)
})
