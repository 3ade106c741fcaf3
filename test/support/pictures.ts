import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import sharp, { type Sharp } from 'sharp'

/** A folder with the pictures that tests of images work on. */
export interface Pictures extends AsyncDisposable {
  readonly folder: string
  /** By name; what sharp reads for the reference rendering. */
  readonly bytes: ReadonlyMap<string, Buffer>
  put(name: string, bytes: Buffer | string): Promise<void>
}

const WIDTH = 80
const HEIGHT = 60

/** Four quarters: red, green, blue, yellow. Crops, turns and mirrors of it cannot be mistaken for each other. */
export function card(width = WIDTH, height = HEIGHT): Sharp {
  const pixels = Buffer.alloc(width * height * 3)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isRight = x >= width / 2
      const isLow = y >= height / 2
      const at = (y * width + x) * 3
      pixels[at] = isRight === isLow ? 230 : 20
      pixels[at + 1] = isRight ? 200 : 20
      pixels[at + 2] = isLow && !isRight ? 220 : 20
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
}

/** Smooth with some structure, so that lossy formats have something to do. */
export function scene(width: number, height: number): Sharp {
  const pixels = Buffer.alloc(width * height * 3)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3
      pixels[at] = 128 + 100 * Math.sin(x / 9)
      pixels[at + 1] = 128 + 100 * Math.cos(y / 7)
      pixels[at + 2] = (255 * (x + y)) / (width + height)
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
}

/** An animation of solid frames: red, green, blue, … */
export async function animation(frames: number, width = 16, height = 12): Promise<Buffer> {
  const colours = [
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
    [255, 255, 0],
  ]
  const pixels = Buffer.alloc(width * height * frames * 3)
  for (let at = 0; at < pixels.length; at += 3) {
    const frame = Math.floor(at / (width * height * 3))
    const [red = 0, green = 0, blue = 0] = colours[frame % colours.length]!
    pixels[at] = red
    pixels[at + 1] = green
    pixels[at + 2] = blue
  }
  return sharp(pixels, { raw: { width, height: height * frames, channels: 3, pageHeight: height } })
    .gif({ delay: Array.from({ length: frames }, () => 100), loop: 0 })
    .toBuffer()
}

export const DRAWING =
  '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="40" height="30" fill="#0000ff"/></svg>'

/** Writes the pictures into a folder that goes away with the test. */
export async function pictures(): Promise<Pictures> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-pictures-'))
  const bytes = new Map<string, Buffer>()
  async function put(name: string, content: Buffer | string): Promise<void> {
    const buffer = Buffer.from(content)
    bytes.set(name, buffer)
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), buffer)
  }
  await put('card.png', await card().png().toBuffer())
  await put('card.jpg', await card().jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer())
  await put('card.webp', await card().webp({ lossless: true }).toBuffer())
  await put('card.avif', await card().avif({ quality: 90, effort: 0 }).toBuffer())
  await put('card.tiff', await card().tiff().toBuffer())
  await put('scene.jpg', await scene(200, 150).jpeg({ quality: 90 }).toBuffer())
  await put('folder/100x100/fit-in/card.png', bytes.get('card.png')!)
  await put('großes Bild.png', bytes.get('card.png')!)
  await put('anim.gif', await animation(3))
  await put(
    'anim.webp',
    await sharp(await animation(3), { animated: true })
      .webp({ lossless: true })
      .toBuffer(),
  )
  await put('drawing.svg', DRAWING)
  await put(
    'phone.jpg',
    await card()
      .withExif({ IFD0: { Copyright: 'A. Nobody', Artist: 'Somebody', Orientation: '6', Model: 'Phone' } })
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 95 })
      .toBuffer(),
  )
  const dot = sharp({
    create: { width: 20, height: 10, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 1 } },
  })
  await put('dot.png', await dot.png().toBuffer())
  await put('no-picture.jpg', 'this is text')
  await put('no-picture.bin', 'this is text')
  await put('card.bin', bytes.get('card.png')!)
  return {
    folder,
    bytes,
    put,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Mean absolute difference of two pictures per channel, 0 to 255; Infinity where their sizes differ. */
export async function differenceOf(one: Buffer, other: Buffer): Promise<number> {
  const raw = (bytes: Buffer) =>
    sharp(bytes, { animated: true })
      .ensureAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true })
  const [a, b] = await Promise.all([raw(one), raw(other)])
  if (a.info.width !== b.info.width || a.info.height !== b.info.height) return Number.POSITIVE_INFINITY
  let sum = 0
  for (let i = 0; i < a.data.length; i++) sum += Math.abs(a.data[i]! - b.data[i]!)
  return sum / a.data.length
}

/** A card seen through an ellipse with this middle and these radii, and no larger than it. */
export async function circled(
  picture: Sharp,
  [cx, cy, rx, ry]: readonly [number, number, number, number],
): Promise<Sharp> {
  const mask = `<svg width="80" height="60"><ellipse cx="${cx}" cy="${cy}" rx="${rx}" ry="${ry}"/></svg>`
  const whole = await picture
    .ensureAlpha()
    .composite([{ input: Buffer.from(mask), blend: 'dest-in' }])
    .png()
    .toBuffer()
  return sharp(whole).extract({ left: cx - rx, top: cy - ry, width: 2 * rx, height: 2 * ry })
}
