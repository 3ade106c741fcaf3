import { readFileSync } from 'node:fs'
import { ImageError } from '../image-error.ts'
import { readHeic } from './heic.ts'
import { inspectInput } from './inspect-input.ts'
import { limitWasm } from './limit-wasm.ts'

/** Reads pictures one after the other with as many bytes for WebAssembly as it is told, and says how each ended. */
const [, , maxBytes, ...files] = process.argv
limitWasm(Number(maxBytes))
const limits = {
  maxPixels: 0,
  maxFrames: 1,
  maxOutputPixels: 1e9,
  maxOutputSide: 65_535,
}
for (const file of files) {
  try {
    const { width, height } = await readHeic(inspectInput(readFileSync(file), { limits }, false))
    console.log(`${width} x ${height}`)
  } catch (error) {
    console.log(error instanceof ImageError ? `${error.status} ${error.code}` : String(error))
  }
}
