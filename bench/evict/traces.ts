/** One request of a trace: which object, and how many bytes it has. */
export interface Trace {
  readonly name: string
  /** Objects in the order in which they are asked for. */
  readonly objects: Uint32Array
  /** Bytes of each object, by its number. */
  readonly sizes: Uint32Array
}

export interface TraceOptions {
  readonly requests: number
  readonly objects: number
  /** Exponent of the popularity. */
  readonly skew: number
}

/** The same numbers at every run: xorshift, from a seed. */
export function createRandom(seed: number): () => number {
  let state = seed | 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

/** Objects of 1 to 256 KB, small ones more often, asked for by Zipf's law. */
export function zipfTrace({ requests, objects, skew }: TraceOptions): Trace {
  const random = createRandom(20_261_126)
  const draw = createZipf(objects, skew, random)
  return {
    name: 'zipf',
    objects: Uint32Array.from({ length: requests }, draw),
    sizes: Uint32Array.from({ length: objects }, () => Math.round(1000 * 256 ** random())),
  }
}

/** The same, with passes over objects that nobody asks for again: a crawler, one request in three. */
export function scannedTrace(options: TraceOptions): Trace {
  const { sizes, objects } = zipfTrace(options)
  const random = createRandom(7)
  const asked: number[] = []
  let next = options.objects
  for (let at = 0; at < objects.length;) {
    const pass = 200 + Math.floor(random() * 2000)
    for (let i = 0; i < pass * 2 && at < objects.length; i++) asked.push(objects[at++]!)
    for (let i = 0; i < pass; i++) asked.push(next++)
  }
  const all = new Uint32Array(next)
  all.set(sizes)
  for (let i = options.objects; i < next; i++) all[i] = Math.round(1000 * 256 ** random())
  return { name: 'scan', objects: Uint32Array.from(asked), sizes: all }
}

/** Bytes of all objects that a trace asks for. */
export function footprintOf({ objects, sizes }: Trace): number {
  let bytes = 0
  for (const object of new Set(objects)) bytes += sizes[object]!
  return bytes
}

/** Numbers from 0 on, the first the most popular; by a table and a binary search. */
function createZipf(count: number, skew: number, random: () => number): () => number {
  const sums = new Float64Array(count)
  let sum = 0
  for (let i = 0; i < count; i++) sums[i] = sum += 1 / (i + 1) ** skew
  return () => {
    const wanted = random() * sum
    let low = 0
    let high = count - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (sums[middle]! < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}
