import type { Edit, OutputWish } from './task.ts'

/** Whether the original itself is wanted. A format counts, even one that the original may turn out to have. */
export function isUntouched(edits: readonly Edit[], output: OutputWish): boolean {
  return output.format === undefined && isPlain(edits, output)
}

/** Whether nothing is wanted beyond a format. */
export function isPlain(
  edits: readonly Pick<Edit, 'name'>[],
  { options, isDescription, metadata }: OutputWish,
): boolean {
  const strips =
    metadata !== undefined && (metadata.exif !== 'keep' || !metadata.keepsRest || metadata.profile === 'none')
  return edits.length === 0 && Object.keys(options).length === 0 && isDescription !== true && !strips
}
