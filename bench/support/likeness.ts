/** How near a picture is to another of the same size: raw pixels of three channels, 8 bits each. */
export interface Pixels {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
}

/** Peak signal-to-noise ratio in dB over all channels. */
export function psnrOf(one: Pixels, other: Pixels): number {
  let squares = 0
  for (let i = 0; i < one.data.length; i++) squares += (one.data[i]! - other.data[i]!) ** 2
  return 10 * Math.log10(255 ** 2 / (squares / one.data.length))
}

const WINDOW = 8
const STEP = 4
const C1 = (0.01 * 255) ** 2
const C2 = (0.03 * 255) ** 2

/** Mean structural similarity of luma (Wang et al. 2004), over windows of 8 x 8 every 4 pixels. 1 is the same picture. */
export function ssimOf(one: Pixels, other: Pixels): number {
  const [a, b] = [lumaOf(one), lumaOf(other)]
  const { width, height } = one
  const count = WINDOW * WINDOW
  let sum = 0
  let windows = 0
  for (let top = 0; top + WINDOW <= height; top += STEP)
    for (let left = 0; left + WINDOW <= width; left += STEP) {
      let [sumA, sumB, squaresA, squaresB, products] = [0, 0, 0, 0, 0]
      for (let y = top; y < top + WINDOW; y++)
        for (let x = left; x < left + WINDOW; x++) {
          const p = a[y * width + x]!
          const q = b[y * width + x]!
          sumA += p
          sumB += q
          squaresA += p * p
          squaresB += q * q
          products += p * q
        }
      const [meanA, meanB] = [sumA / count, sumB / count]
      const variances = squaresA / count - meanA ** 2 + squaresB / count - meanB ** 2
      const covariance = products / count - meanA * meanB
      sum +=
        ((2 * meanA * meanB + C1) * (2 * covariance + C2)) /
        ((meanA ** 2 + meanB ** 2 + C1) * (variances + C2))
      windows++
    }
  return sum / windows
}

/** ITU-R BT.601. */
function lumaOf({ data }: Pixels): Float64Array {
  const luma = new Float64Array(data.length / 3)
  for (let i = 0; i < luma.length; i++)
    luma[i] = 0.299 * data[3 * i]! + 0.587 * data[3 * i + 1]! + 0.114 * data[3 * i + 2]!
  return luma
}
