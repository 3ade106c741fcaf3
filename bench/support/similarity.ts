import sharp from 'sharp'

/** How far an encoded picture is from what was encoded. */
export interface Similarity {
  /** Mean structural similarity of luminance in windows of 8 x 8, every second pixel (Wang et al. 2004); 1 is the same. */
  readonly ssim: number
  /** Peak signal-to-noise ratio over red, green and blue, in decibels. */
  readonly psnr: number
}

interface Raw {
  readonly data: Buffer
  readonly width: number
  readonly height: number
}

const WINDOW = 8
const STRIDE = 2
const C1 = (0.01 * 255) ** 2
const C2 = (0.03 * 255) ** 2

/** Both of one size, without transparency. */
export async function similarityOf(original: Buffer, encoded: Buffer): Promise<Similarity> {
  const [one, other] = await Promise.all([rawOf(original), rawOf(encoded)])
  if (one.width !== other.width || one.height !== other.height)
    throw new Error(`${one.width} x ${one.height} is compared with ${other.width} x ${other.height}`)
  return { ssim: structural(one, other), psnr: peak(one.data, other.data) }
}

async function rawOf(bytes: Buffer): Promise<Raw> {
  const { data, info } = await sharp(bytes)
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
  return { data, width: info.width, height: info.height }
}

function peak(one: Buffer, other: Buffer): number {
  let sum = 0
  for (let i = 0; i < one.length; i++) sum += (one[i]! - other[i]!) ** 2
  return 10 * Math.log10(255 ** 2 / (sum / one.length))
}

function structural(one: Raw, other: Raw): number {
  const a = luminance(one)
  const b = luminance(other)
  const pixels = WINDOW * WINDOW
  let total = 0
  let windows = 0
  for (let top = 0; top + WINDOW <= one.height; top += STRIDE) {
    for (let left = 0; left + WINDOW <= one.width; left += STRIDE) {
      let [sumA, sumB, squaresA, squaresB, products] = [0, 0, 0, 0, 0]
      for (let y = top; y < top + WINDOW; y++) {
        for (let x = left; x < left + WINDOW; x++) {
          const p = a[y * one.width + x]!
          const q = b[y * one.width + x]!
          sumA += p
          sumB += q
          squaresA += p * p
          squaresB += q * q
          products += p * q
        }
      }
      const meanA = sumA / pixels
      const meanB = sumB / pixels
      const variances = squaresA / pixels - meanA ** 2 + (squaresB / pixels - meanB ** 2)
      const covariance = products / pixels - meanA * meanB
      total +=
        ((2 * meanA * meanB + C1) * (2 * covariance + C2)) /
        ((meanA ** 2 + meanB ** 2 + C1) * (variances + C2))
      windows++
    }
  }
  return total / windows
}

function luminance({ data }: Raw): Float32Array {
  const result = new Float32Array(data.length / 3)
  for (let i = 0; i < result.length; i++)
    result[i] = 0.299 * data[3 * i]! + 0.587 * data[3 * i + 1]! + 0.114 * data[3 * i + 2]!
  return result
}
