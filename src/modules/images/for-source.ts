import { probe } from './engine/probe.ts'
import type { Edit, ImageTask } from './task.ts'
import { isPlain } from './untouched.ts'

/** What a task comes down to for one source. */
export interface ForSource {
  readonly edits: readonly Edit[]
  /** Nothing is left to do: the original is what was asked for. */
  readonly isOriginal: boolean
}

/** Settles what only the picture itself can tell: whether it is wide enough, and whether it has the wanted format already. */
export function forSource({ output }: ImageTask, edits: readonly Edit[], bytes: Buffer): ForSource {
  const goesByWidth = edits.some(({ fromWidth }) => fromWidth !== undefined)
  // Most tasks go by nothing of it: frames are not counted for them.
  if (!goesByWidth && output.skipsSameFormat !== true) return { edits, isOriginal: false }
  const source = probe(bytes)
  const left = goesByWidth ? wideEnough(edits, source?.width ?? 0) : edits
  const isSameFormat =
    output.format === undefined || (output.skipsSameFormat === true && output.format === source?.format)
  return { edits: left, isOriginal: isSameFormat && isPlain(left, output) }
}

/** Edits for wider sources take the places of the others of their name, or give way to them. */
function wideEnough(edits: readonly Edit[], width: number): readonly Edit[] {
  return edits.filter(({ name, fromWidth }, index) => {
    if (fromWidth !== undefined) return width >= fromWidth
    return !edits
      .slice(index + 1)
      .some((later) => later.name === name && later.fromWidth !== undefined && width >= later.fromWidth)
  })
}
