/**
 * Throws mutated requests at the fast lane for a while: `npm run soak -- lane [SECONDS] [SEED]`.
 *
 * Whatever the lane takes must be taken by Node's parser and our hygiene with the same method, target, fields and
 * end; and every tenth string, cut into pieces, must be answered as without a lane. The first difference is
 * printed with its bytes and ends the run.
 */
import { cut, mutatedHead, seededRandom } from '../../src/listener/lane/head-mutations.fixture.ts'
import { checkAgainstNode, checkAnswers } from '../../src/listener/lane/lane-differential.fixture.ts'

const ANSWERED_EVERY = 10
const PATIENCE_MS = 10_000

const [secondsText = '60', seedText = String(Date.now() % 1_000_000)] = process.argv.slice(2)
const seconds = Number(secondsText)
const seed = Number(seedText)
if (!(seconds > 0) || !Number.isInteger(seed)) {
  console.error('usage: npm run soak -- lane [SECONDS] [SEED], a positive number and a whole number')
  process.exit(2)
}

const random = seededRandom(seed)
const end = performance.now() + seconds * 1000
let cases = 0
let requests = 0
let answered = 0
let differences = 0
while (performance.now() < end && differences === 0) {
  const bytes = mutatedHead(random)
  const pieces = cases % ANSWERED_EVERY === 0 ? cut(bytes, random) : []
  try {
    requests += await inTime(checkAgainstNode(bytes))
    if (pieces.length > 0) {
      await inTime(checkAnswers(pieces))
      answered++
    }
  } catch (error) {
    differences++
    console.error(`case ${cases} of seed ${seed}: ${JSON.stringify(bytes.toString('latin1'))}`)
    if (pieces.length > 0)
      console.error(`in pieces of ${pieces.map((piece) => piece.length).join(', ')} bytes`)
    console.error(error)
    process.exitCode = 1
  }
  cases++
}
console.log(
  `${cases} strings of bytes, of which the lane took ${requests} requests; ${answered} answered both ways`,
)
console.log(
  `RESULT name=lane cases=${cases} requests=${requests} answered=${answered} differences=${differences} seed=${seed}`,
)

/** A connection on which nothing more happens is a difference too. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<T>()
  const timer = setTimeout(
    () => reject(new Error(`nothing came of it within ${PATIENCE_MS} ms`)),
    PATIENCE_MS,
  )
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}
