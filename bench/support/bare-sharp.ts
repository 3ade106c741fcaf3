/**
 * The work of `bench/images.ts` without a server: reads `FORMAT COUNT` lines, transforms so many of the pictures of the folder
 * in `argv[2]` in turn, and answers with the CPU seconds that took.
 */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import sharp from 'sharp'

const folder = process.argv[2] ?? '.'
const pictures = readdirSync(folder)
  .filter((name) => name.endsWith('.jpg'))
  .sort()
  .map((name) => readFileSync(path.join(folder, name)))

for await (const line of createInterface({ input: process.stdin })) {
  const [format = 'jpeg', units = '1'] = line.split(' ')
  const before = process.cpuUsage()
  for (let i = 0; i < Number(units); i++) {
    const picture = pictures[i % pictures.length]!
    // The name comes from the benchmark, which knows the formats.
    await sharp(picture)
      .resize(512, 512)
      .toFormat(format as 'jpeg')
      .toBuffer()
  }
  const { user, system } = process.cpuUsage(before)
  console.log((user + system) / 1e6)
}
