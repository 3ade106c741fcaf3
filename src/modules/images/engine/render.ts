import { Canvas } from './canvas.ts'
import { checkSource, derive } from './derive.ts'
import { describe } from './describe.ts'
import { readHeic } from './heic.ts'
import { type Inspected, inspectInput } from './inspect-input.ts'
import type { Ask, Job, Rendered } from './job.ts'
import { checkOutputSize } from './output-size.ts'

/**
 * Does one job: edits in their order, then the encoder. Pixels are only made in between where an edit needs them.
 * Throws ImageError. Runs in a child process; nothing here touches files or sockets.
 */
export async function render(
  job: Job,
  inputs: readonly Buffer[],
  ask: Ask,
): Promise<{ readonly rendered: Rendered; readonly bytes: Buffer }> {
  const given = inspectInput(inputs[0]!, job, animationOf(job))
  if (job.derive !== undefined) checkSource(given, job.derive, job.limits)
  const source = given.format === 'heic' ? await readHeic(given) : given
  if (job.isDrawing === true) return { rendered: drawingOf(source), bytes: source.bytes }
  const canvas = new Canvas(job, source)
  const work = job.edits.filter((edit) => !(source.isAnimated && NOT_ANIMATED.has(edit.name)))
  const pixels = checkOutputSize(source, work, job.limits)
  for (const edit of work) await canvas.apply(edit, inputs, ask)
  if (job.derive !== undefined) return derive(canvas, job.derive, inputs[0]!.length, ask)
  return job.isDescription === true ? describe(canvas, inputs[0]!.length) : canvas.encode(pixels)
}

function drawingOf({ width, height }: Inspected): Rendered {
  return { format: 'svg', isForced: false, width, height, frames: 1 }
}

/** What has no meaning on a strip of frames is left out for animations. */
const NOT_ANIMATED = new Set(['rotate', 'smartCrop', 'roundCrop', 'contentModeration'])

function animationOf(job: Job): boolean {
  const said = job.edits.findLast(({ name }) => name === 'animated')?.value
  return typeof said === 'boolean' ? said : job.isAnimatedByDefault
}
