/**
 * The work of `bench/images.ts` without a server: reads `FORMAT SECONDS` lines, transforms the pictures of the folder in
 * `argv[2]` in turn for that long, and answers with the number of transforms and the CPU seconds they took.
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
  const [format = 'jpeg', seconds = '1'] = line.split(' ')
  const until = performance.now() + Number(seconds) * 1000
  const before = process.cpuUsage()
  let units = 0
  while (performance.now() < until || units === 0) {
    const picture = pictures[units++ % pictures.length]!
    // The name comes from the benchmark, which knows the formats.
    await sharp(picture)
      .resize(512, 512)
      .toFormat(format as 'jpeg')
      .toBuffer()
  }
  const { user, system } = process.cpuUsage(before)
  console.log(`${units} ${(user + system) / 1e6}`)
}
