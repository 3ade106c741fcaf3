/** A 32-bit hash of a key (FNV-1a over its UTF-16 units); another `seed` gives an independent one. */
export function keyHash(key: string, seed = 0x811c9dc5): number {
  let hash = seed | 0
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  // FNV leaves the low bits of short keys alike; tables are addressed by them.
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x2c1b3c6d)
  return hash ^ (hash >>> 13)
}
