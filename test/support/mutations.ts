/** Numbers below a bound, the same for the same seed (Park and Miller), so that a failure can be repeated. */
export function seededRandom(seed: number): (below: number) => number {
  let state = seed
  return (below) => (state = (state * 48_271) % 2_147_483_647) % below
}

/** A copy in which so many bytes, anywhere, are others. */
export function mutated(original: Buffer, random: (below: number) => number, changes: number): Buffer {
  const bytes = Buffer.from(original)
  for (let i = 0; i < changes; i++) bytes[random(bytes.length)] = random(256)
  return bytes
}
