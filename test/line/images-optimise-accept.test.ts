import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Ledger } from '../../src/modules/images/watch/ledger.ts'
import { ledgerFolder } from '../../src/modules/images/watch/follow-optimiser.ts'
import { done, edgeFolder, folderEdge, reportOf, startEdgeOf } from '../support/optimising-edge.ts'
import { until } from '../support/until.ts'
import { card } from '../support/pictures.ts'
import { rekognition } from '../support/rekognition.ts'

const FACE = { BoundingBox: { Left: 0.1, Top: 0.1, Width: 0.2, Height: 0.2 }, Confidence: 99.9 }
const RETRY = { attempts: 100, firstSeconds: 0.01, maxSeconds: 0.1 }

test('where no people are allowed a picture with one is rejected, by a service of its own beside moderation', async () => {
  await using people = await rekognition({ DetectFaces: { FaceDetails: [] }, DetectLabels: { Labels: [] } })
  await using moderation = await rekognition({ DetectModerationLabels: { ModerationLabels: [] } })
  await using edge = await folderEdge({
    accept: {
      people: false,
      detector: { url: people.url, labels: true },
      moderation: { url: moderation.url },
    },
  })
  const put = async (name: string) => writeFile(join(edge.folder, 'in', name), await card().jpeg().toBuffer())
  await put('nobody.jpg')
  await done(edge, 'in/small/nobody-meta.json')
  assert.deepEqual(people.asked, ['DetectFaces', 'DetectLabels'])
  assert.deepEqual(moderation.asked, ['DetectModerationLabels'])

  people.answers['DetectFaces'] = { FaceDetails: [FACE] }
  await put('face.jpg')
  await until(async () => (await reportOf(edge)).failures.length === 1)
  people.answers['DetectFaces'] = { FaceDetails: [] }
  people.answers['DetectLabels'] = { Labels: [{ Name: 'Person', Confidence: 98, Parents: [] }] }
  await put('back.jpg')
  await until(async () => (await reportOf(edge)).failures.length === 2)
  const failures = (await reportOf(edge)).failures.map(({ key, kind, code }) => `${key} ${kind} ${code}`)
  assert.deepEqual(failures, ['face.jpg rejected NO_PEOPLE_ALLOWED', 'back.jpg rejected NO_PEOPLE_ALLOWED'])
  assert.ok(edge.said.some((line) => /face\.jpg: rejected: NO_PEOPLE_ALLOWED: .*sees: a face/.test(line)))
  assert.ok(!existsSync(join(edge.folder, 'in/small/face-tile.jpg')))
})

test('a service that is down, or answers what it was not asked, lets no picture pass and costs none', async () => {
  await using people = await rekognition({ DetectFaces: { FaceDetails: [] } })
  people.isDown = true
  await using edge = await folderEdge({
    accept: { people: false, detector: { url: people.url } },
    retry: RETRY,
  })
  await writeFile(join(edge.folder, 'in', 'a.jpg'), await card().jpeg().toBuffer())
  await until(() => people.asked.length >= 2)
  people.answers['DetectFaces'] = { Labels: [] }
  people.isDown = false
  const before = people.asked.length
  await until(() => people.asked.length >= before + 2)
  assert.ok(!existsSync(join(edge.folder, 'in/small/a-meta.json')))
  people.answers['DetectFaces'] = { FaceDetails: [] }
  await done(edge, 'in/small/a-meta.json')
  assert.deepEqual((await reportOf(edge)).failures, [])
})

test(
  'tries before a restart count: the last one is made at once by the next edge, and then it is given up',
  { timeout: 120_000 },
  async () => {
    await using people = await rekognition({ DetectFaces: { FaceDetails: [] } })
    people.isDown = true
    await using place = await edgeFolder(
      {
        accept: { people: false, detector: { url: people.url } },
        // Without what was written down the second edge would wait for an hour.
        retry: { attempts: 2, firstSeconds: 3_600, maxSeconds: 3_600 },
      },
      { dataFolder: './data' },
    )
    const { folder, config } = place
    await writeFile(join(folder, 'in', 'a.jpg'), await card().jpeg().toBuffer())
    const journal = join(ledgerFolder(join(folder, 'data')), 'uploads.jsonl')
    const says = (text: string) => existsSync(journal) && readFileSync(journal, 'utf8').includes(text)
    {
      await using first = await startEdgeOf(config)
      await until(() => says('"tried"'))
      await first.end('SIGKILL')
    }
    assert.deepEqual([people.asked.length, says('"failure"')], [1, false])
    {
      await using second = await startEdgeOf(config)
      await until(() => says('"failure"'))
      await second.end('SIGTERM')
    }
    assert.equal(people.asked.length, 2)
    await using ledger = await Ledger.open(ledgerFolder(join(folder, 'data')), 'uploads', assert.ifError)
    const { kind, code, attempts } = ledger.failures.get('a.jpg')!
    assert.deepEqual([kind, code, attempts], ['failed', 'DetectorError', 2])
  },
)
