/**
 * Which quality a picture needs: the smallest at which it is expected to look as much like the original as its format's
 * default quality leaves the hardest photograph. Expected, not tried: what an encoder loses is reckoned in blocks of 8 x 8 pixels by
 * quantising their cosine transform, which costs a few milliseconds where an encoding costs up to a second. Numbers and
 * what they gain: docs/decisions/0118-automatic-quality.md.
 */

/** Pixels of a result, as sharp gives them raw: 8 bits per channel, alpha last. */
export interface Pixels {
  readonly data: Buffer
  readonly width: number
  readonly height: number
  readonly channels: number
}

export interface ChosenQuality {
  readonly quality: number
  /** Options of the encoder that go with it. */
  readonly options: Readonly<Record<string, unknown>>
}

interface Encoder {
  /** Mean structural similarity to reach (Wang et al. 2004): that of the default quality on the hardest photograph. */
  readonly target: number
  /** Mean square error of luminance that is too much however little it shows, by the same measure. */
  readonly mostError: number
  readonly least: number
  readonly most: number
  /** Below this, text and lines show a halo. */
  readonly leastForDrawings: number
  /** How much coarser high frequencies are quantised than low ones, by coefficient. */
  readonly weights: Float64Array
  /** Quantiser step by quality, measured; in between logarithms are interpolated. Qualities ascend. */
  readonly steps: readonly (readonly [quality: number, step: number])[]
}

/** Table K.1 of ITU-T T.81: the luminance quantisation of JPEG at quality 50. */
const JPEG_TABLE = [
  ...[16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55],
  ...[14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62],
  ...[18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92],
  ...[49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99],
]
const LIKE_JPEG = Float64Array.from(JPEG_TABLE, (entry) => entry / 16)
const EVEN = new Float64Array(64).fill(1)

const ENCODERS: Readonly<Record<string, Encoder>> = {
  jpeg: {
    target: 0.957,
    mostError: 50,
    least: 45,
    most: 92,
    leastForDrawings: 80,
    weights: LIKE_JPEG,
    steps: [
      [30, 29.7],
      [50, 17.9],
      [65, 12.5],
      [80, 7.1],
      [90, 3.5],
    ],
  },
  webp: {
    target: 0.97,
    mostError: 16,
    least: 45,
    most: 92,
    leastForDrawings: 80,
    weights: EVEN,
    steps: [
      [30, 33.9],
      [50, 24.1],
      [65, 19.4],
      [80, 13.1],
      [90, 7.1],
    ],
  },
  avif: {
    target: 0.909,
    mostError: 110,
    least: 30,
    most: 75,
    leastForDrawings: 55,
    weights: LIKE_JPEG,
    steps: [
      [30, 52.2],
      [40, 30.3],
      [50, 15],
      [60, 8.2],
      [70, 4.6],
    ],
  },
}

export function hasAutomaticQuality(format: string): boolean {
  return Object.hasOwn(ENCODERS, format)
}

/** Coefficients of a block. */
const SIZE = 64
/** Blocks one after the other. */
type Blocks = Float64Array
/** Blocks looked at: more change the result by less than one step of quality. */
const MAX_BLOCKS = 256
/** Mean square of a block below which nothing is in it. */
const EMPTY = 0.25
/** A photograph has no more of empty blocks; what has is drawn. */
const DRAWN_SHARE = 0.3
const MAX_DRAWN_COLOURS = 1_024
/** The constant that keeps the contrast term defined: (0.03 * 255) squared. */
const C2 = 58.5225

/** Chooses for what `hasAutomaticQuality` knows; the same pixels always give the same. */
export function automaticQuality(pixels: Pixels, format: string): ChosenQuality {
  const encoder = ENCODERS[format]!
  const blocks = sampleBlocks(pixels)
  const filled = filledOnly(blocks)
  const isDrawing = blocks.length - filled.length >= blocks.length * DRAWN_SHARE
  if (!isDrawing) return { quality: leastQuality(blocks, encoder, encoder.least), options: {} }
  // Nothing is lost where nothing is: only what is drawn counts.
  const quality = leastQuality(filled, encoder, encoder.leastForDrawings)
  switch (format) {
    case 'webp':
      // Few colours are smaller as they are, and sharp.
      return { quality, options: hasFewColours(pixels) ? { lossless: true } : { smartSubsample: true } }
    case 'jpeg':
      return { quality, options: { chromaSubsampling: '4:4:4' } }
    default:
      return { quality, options: {} }
  }
}

function leastQuality(blocks: Blocks, encoder: Encoder, least: number): number {
  let low = least
  let high = encoder.most
  while (low < high) {
    const middle = (low + high) >> 1
    if (isGoodEnough(blocks, stepAt(middle, encoder), encoder)) high = middle
    else low = middle + 1
  }
  return low
}

function stepAt(quality: number, { steps }: Encoder): number {
  const after = Math.max(
    1,
    steps.findIndex(([each]) => each >= quality),
  )
  const above = quality > steps.at(-1)![0] ? steps.length - 1 : after
  const [lowQuality, lowStep] = steps[above - 1]!
  const [highQuality, highStep] = steps[above]!
  const share = (quality - lowQuality) / (highQuality - lowQuality)
  return Math.exp(Math.log(lowStep) + share * (Math.log(highStep) - Math.log(lowStep)))
}

/**
 * Mean structural similarity, and mean square error, of blocks and of what quantising leaves of them; in the cosine domain
 * sums of squares and products are the same.
 */
function isGoodEnough(blocks: Blocks, step: number, { weights, target, mostError }: Encoder): boolean {
  const count = blocks.length / SIZE
  let similarity = 0
  let error = 0
  for (let start = 0; start < blocks.length; start += SIZE) {
    let before = 0
    let after = 0
    let both = 0
    for (let k = 1; k < SIZE; k++) {
      const value = blocks[start + k]!
      const size = step * weights[k]!
      const kept = Math.floor(value / size + 0.5) * size
      before += value * value
      after += kept * kept
      both += value * kept
    }
    similarity += (both / 32 + C2) / ((before + after) / 64 + C2)
    error += (before + after - 2 * both) / 64
  }
  return similarity >= target * count && error <= mostError * count
}

/** Those of the blocks that hold more than one colour. */
function filledOnly(blocks: Blocks): Blocks {
  const filled: number[] = []
  for (let start = 0; start < blocks.length; start += SIZE) {
    let sum = 0
    for (let k = 1; k < SIZE; k++) sum += blocks[start + k]! ** 2
    if (sum / 64 > EMPTY) filled.push(start)
  }
  const result = new Float64Array(filled.length * SIZE)
  filled.forEach((start, index) => result.set(blocks.subarray(start, start + SIZE), index * SIZE))
  return result
}

/** Cosine transforms of blocks of luminance, spread evenly over the picture. */
function sampleBlocks(pixels: Pixels): Blocks {
  const across = Math.floor(pixels.width / 8)
  const all = across * Math.floor(pixels.height / 8)
  const count = Math.min(all, MAX_BLOCKS)
  const blocks = new Float64Array(count * SIZE)
  const luminance = new Float64Array(SIZE)
  for (let at = 0; at < count; at++) {
    const index = Math.floor((at * all) / count)
    readLuminance(pixels, (index % across) * 8, Math.floor(index / across) * 8, luminance)
    cosineTransform(luminance, blocks.subarray(at * SIZE, (at + 1) * SIZE))
  }
  return blocks
}

function readLuminance(
  { data, width, channels }: Pixels,
  left: number,
  top: number,
  into: Float64Array,
): void {
  const isGrey = channels < 3
  const hasAlpha = channels === 2 || channels === 4
  for (let y = 0; y < 8; y++) {
    for (let x = 0; x < 8; x++) {
      const at = ((top + y) * width + left + x) * channels
      const red = data[at]!
      const luma = isGrey ? red : 0.299 * red + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!
      into[y * 8 + x] = hasAlpha ? (luma * data[at + channels - 1]!) / 255 : luma
    }
  }
}

const COSINES = Float64Array.from({ length: 64 }, (_, index) => {
  const frequency = index >> 3
  const scale = frequency === 0 ? Math.SQRT1_2 / 2 : 0.5
  return scale * Math.cos(((2 * (index & 7) + 1) * frequency * Math.PI) / 16)
})
const ROWS = new Float64Array(64)

/** Orthonormal DCT-II of 8 x 8, rows and then columns; without signs, which nothing here asks for. */
function cosineTransform(block: Float64Array, into: Float64Array): void {
  for (let y = 0; y < 8; y++) {
    for (let u = 0; u < 8; u++) {
      let sum = 0
      for (let x = 0; x < 8; x++) sum += COSINES[u * 8 + x]! * block[y * 8 + x]!
      ROWS[y * 8 + u] = sum
    }
  }
  for (let v = 0; v < 8; v++) {
    for (let u = 0; u < 8; u++) {
      let sum = 0
      for (let y = 0; y < 8; y++) sum += COSINES[v * 8 + y]! * ROWS[y * 8 + u]!
      into[v * 8 + u] = Math.abs(sum)
    }
  }
}

function hasFewColours({ data, channels }: Pixels): boolean {
  const colours = new Set<number>()
  for (let at = 0; at + channels <= data.length; at += channels) {
    let colour = 0
    for (let channel = 0; channel < channels; channel++) colour = colour * 256 + data[at + channel]!
    colours.add(colour)
    if (colours.size > MAX_DRAWN_COLOURS) return false
  }
  return true
}
