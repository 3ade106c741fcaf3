/** Numbers that viewers tell of their screens, and the steps they are rounded to so that few variants are made and kept. */

const MAX_DENSITY = 5

/** A number as hints are written (RFC 8941 section 3.3.2, without a sign); anything else is as if it were not there. */
export function numberOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,5}(?:\.\d{1,4})?$/.test(text)) return undefined
  const value = Number(text)
  return value > 0 ? value : undefined
}

/** A density in tenths, at most 5: what the edge of version 8 keeps variants by. */
export function tenths(density: number): number {
  return Math.min(MAX_DENSITY, Math.max(0.1, Math.round(density * 10) / 10))
}

/** The first step that is not smaller, else the largest. */
export function step(value: number, steps: readonly number[]): number {
  return steps.find((each) => each >= value) ?? steps.at(-1)!
}
