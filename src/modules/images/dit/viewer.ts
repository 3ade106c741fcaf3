import { numberOf, step, tenths } from '../viewer-hints.ts'

/** Gives a field of the request, and notes that it had a say. */
export type Look = (name: string) => string | undefined

/**
 * Version 8's order of preference, and the types by which Accept names each. `heif` is not among them: it has the codec of
 * AVIF or one that no free build has, and viewers that take it name JPEG as well.
 */
const AUTOMATIC = [
  ['webp', ['image/webp']],
  ['avif', ['image/avif']],
  ['jpeg', ['image/jpeg', 'image/jpg']],
  ['png', ['image/png']],
  ['tiff', ['image/tiff']],
  ['raw', ['image/raw']],
  ['gif', ['image/gif']],
] as const
const VIEWPORTS = [320, 480, 768, 1024, 1200, 1440, 1920]

/** The first width above the viewport's, else the largest; nothing for viewers that do not tell theirs. */
export function breakpoint(widths: readonly number[], viewport: number | undefined): number | undefined {
  if (viewport === undefined) return undefined
  const sorted = widths.toSorted((a, b) => a - b)
  return sorted.find((width) => width > viewport) ?? sorted.at(-1)
}

/** As the edge function of version 8 rounds it. */
export function density(look: Look): number | undefined {
  const told = numberOf(either(look, 'dit-dpr', 'Sec-CH-DPR'))
  return told === undefined ? undefined : tenths(told)
}

export function viewportWidth(look: Look): number | undefined {
  const told = numberOf(either(look, 'dit-viewport-width', 'Sec-CH-Viewport-Width'))
  return told === undefined ? undefined : step(told, VIEWPORTS)
}

/** Where the edge function of version 8 runs before, it has written what viewers say under names of its own. */
function either(look: Look, rewritten: string, received: string): string | undefined {
  const [first, second] = [look(rewritten), look(received)]
  return first ?? second
}

/** The first of the formats that `format: auto` chooses among that the viewer takes. */
export function acceptedFormat(look: Look): string | undefined {
  const lower = either(look, 'dit-accept', 'Accept')?.toLowerCase() ?? ''
  return AUTOMATIC.find(([, types]) => types.some((type) => lower.includes(type)))?.[0]
}
