import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type HeldSource, startSource } from '../support/held-source.ts'
import { metric } from '../support/image-metrics.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { scene } from '../support/pictures.ts'
import { type RunningEdge, runEdge } from '../support/running-edge.ts'
import { until } from '../support/until.ts'

const MODERN = 'image/avif,image/webp,*/*'

function openEdge(
  source: HeldSource,
  clock: ManualClock,
  top: Readonly<Record<string, unknown>>,
  autoFormats: readonly string[] = ['avif', 'webp'],
): Promise<RunningEdge> {
  return runEdge(
    {
      origins: { photos: { url: source.url } },
      defaultBehavior: {
        origin: 'photos',
        cachePolicy: 'CachingDisabled',
        images: { dialect: 'sih', autoFormats, slowFormats: 'background' },
      },
    },
    // Each picture asks its source.
    {
      top: { cache: { disk: false }, images: { processes: 1, sourceCache: { maxBytes: 0 } }, ...top },
      clock,
    },
  )
}

async function typeOf(edge: RunningEdge, path: string, accept = MODERN): Promise<string | null> {
  const response = await fetch(edge.url + path, { headers: { accept } })
  await response.arrayBuffer()
  return response.headers.get('content-type')
}

const upgraded = (edge: RunningEdge) => metric(edge, 'upgrades_total{outcome="done"}')
const waiting = (edge: RunningEdge) => metric(edge, 'upgrades_waiting')

test('no AVIF is begun while viewers wait for pictures, and then it is', async () => {
  const picture = await scene(60, 45).jpeg().toBuffer()
  await using source = await startSource(picture)
  const clock = new ManualClock()
  await using edge = await openEdge(source, clock, {}, ['avif'])
  // Two are inside, for their sources, and one waits.
  const held = [source.hold(), source.hold()]
  const viewers = ['a', 'b', 'c'].map((name) => typeOf(edge, `/20x0/${name}.jpg`, 'image/jpeg'))
  await Promise.all(held.map(({ asked }) => asked))
  await until(() => metric(edge, 'waiting') === 1)
  // An original goes past the queue, so it is answered; the AVIF in its place is not begun.
  assert.equal(await typeOf(edge, '/slow.jpg'), 'image/jpeg')
  for (let i = 0; i < 20; i++) {
    clock.advance(200)
    await new Promise((turn) => setImmediate(turn))
  }
  assert.deepEqual([source.gets, waiting(edge)], [3, 1])
  for (const each of held) each.answer(picture)
  await Promise.all(viewers)
  clock.advance(200)
  await until(() => upgraded(edge) === 1)
})

test('two processes of an edge make one AVIF at a time, in turns', async () => {
  const picture = await scene(60, 45).jpeg().toBuffer()
  await using source = await startSource(picture)
  const dataFolder = await mkdtemp(join(tmpdir(), 'edgeward-background-'))
  const clock = new ManualClock()
  try {
    await using one = await openEdge(source, clock, { dataFolder, processes: 2 })
    await using two = await openEdge(source, clock, { dataFolder, processes: 2 })
    // The second GET of the first is for its AVIF, which does not get on.
    const quick = source.hold()
    const slow = source.hold()
    const first = typeOf(one, '/20x0/a.jpg')
    await quick.asked
    quick.answer(picture)
    assert.equal(await first, 'image/webp')
    await slow.asked
    assert.equal(await typeOf(two, '/20x0/a.jpg'), 'image/webp')
    assert.equal(await typeOf(one, '/20x0/b.jpg'), 'image/webp')
    const { gets } = source
    for (let i = 0; i < 20; i++) {
      clock.advance(200)
      await new Promise((turn) => setImmediate(turn))
    }
    assert.deepEqual([source.gets, waiting(one), waiting(two)], [gets, 1, 1])
    slow.answer(picture)
    await until(() => upgraded(one) === 1)
    // The other one is next.
    clock.advance(200)
    await until(() => upgraded(two) === 1)
    assert.equal(upgraded(one), 1)
    clock.advance(400)
    await until(() => upgraded(one) === 2)
    assert.equal(await typeOf(two, '/20x0/a.jpg'), 'image/avif')
  } finally {
    await rm(dataFolder, { recursive: true, force: true })
  }
})
