import type { Canvas } from './canvas.ts'
import { isRecord } from './edits.ts'

/** Keeps an ellipse, by default the largest circle in the middle, and trims what has become transparent around it. */
export async function roundCrop(canvas: Canvas, value: unknown): Promise<void> {
  const options = isRecord(value) ? value : {}
  const { width, height } = await canvas.settle()
  const given = (name: string, fallback: number) => {
    const number = Number(options[name])
    return number > 0 && Number.isFinite(number) ? number : fallback
  }
  const radius = Math.min(width, height) / 2
  const cx = given('left', width / 2)
  const cy = given('top', height / 2)
  const rx = given('rx', radius)
  const ry = given('ry', radius)
  const mask = `<svg width="${width}" height="${height}"><ellipse cx="${cx}" cy="${cy}" rx="${rx}" ry="${ry}"/></svg>`
  canvas.image.ensureAlpha().composite([{ input: Buffer.from(mask), blend: 'dest-in' }])
  await canvas.settle()
  canvas.image.trim()
}
