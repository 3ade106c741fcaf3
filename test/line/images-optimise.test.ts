import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import sharp from 'sharp'
import {
  admin,
  done,
  edgeFolder,
  folderEdge,
  type Json,
  optimising,
  reportOf,
  SITE,
  startEdgeOf,
} from '../support/optimising-edge.ts'
import { card, scene } from '../support/pictures.ts'
import { rekognition } from '../support/rekognition.ts'
import { planOf, runEdge } from '../support/running-edge.ts'
import { until } from '../support/until.ts'

test('an origin may be the folder of results before there is one', async () => {
  const served = { origins: { small: { folder: 'small' } }, defaultBehavior: { origin: 'small' } }
  await using edge = await runEdge(served, {
    top: optimising({ from: { folder: 'in' }, to: { folder: './small' } }),
    prepare: (folder) => mkdir(join(folder, 'in')).then(() => undefined),
  })
  const before = await fetch(`${edge.url}/cat-tile.jpg`)
  assert.equal(before.status, 404)
  await writeFile(join(edge.folder, 'in', 'cat.png'), await card().png().toBuffer())
  await done(edge, 'small/cat-meta.json')
  const after = await fetch(`${edge.url}/cat-scaled.jpg`)
  assert.deepEqual([after.status, after.headers.get('content-type')], [200, 'image/jpeg'])
})

test('pictures that lie in a folder, are put there or are moved there get their sizes and a record, results and half-written ones none', async () => {
  await using edge = await folderEdge({}, async (folder) => {
    await writeFile(join(folder, 'in', 'first.png'), await scene(900, 600).png().toBuffer())
    await mkdir(join(folder, 'in', 'small'))
    await writeFile(join(folder, 'in', 'small', 'not-an-original.png'), await card().png().toBuffer())
  })
  await done(edge, 'in/small/first-meta.json')

  const picture = await scene(800, 600).jpeg().toBuffer()
  await writeFile(join(edge.folder, 'in', '.second.jpg.partial'), picture)
  await writeFile(join(edge.folder, 'in', 'notes.txt'), 'text')
  await rename(join(edge.folder, 'in', '.second.jpg.partial'), join(edge.folder, 'in', 'second.jpg'))
  await mkdir(join(edge.folder, 'in', 'deep', 'deeper'), { recursive: true })
  await writeFile(
    join(edge.folder, 'in', 'deep', 'deeper', 'third.webp'),
    await scene(700, 700).webp().toBuffer(),
  )
  await done(edge, 'in/small/second-meta.json')
  await done(edge, 'in/small/deep/deeper/third-meta.json')
  // Into a folder that was met a moment ago.
  await writeFile(join(edge.folder, 'in', 'deep', 'fourth.png'), await card().png().toBuffer())
  await done(edge, 'in/small/deep/fourth-meta.json')

  const made = globSync('**/*', {
    cwd: join(edge.folder, 'in', 'small'),
    exclude: (name) => name === 'deeper',
  })
  assert.deepEqual(made.filter((name) => name.includes('.')).sort(), [
    'deep/fourth-meta.json',
    'deep/fourth-scaled.jpg',
    'deep/fourth-tile.jpg',
    'first-meta.json',
    'first-scaled.jpg',
    'first-tile.jpg',
    'not-an-original.png',
    'second-meta.json',
    'second-scaled.jpg',
    'second-tile.jpg',
  ])
  const { width, height, format } = await sharp(join(edge.folder, 'in/small/second-tile.jpg')).metadata()
  assert.deepEqual([format, width, height], ['jpeg', 400, 400])
  const meta = JSON.parse(await readFile(join(edge.folder, 'in/small/second-meta.json'), 'utf8')) as Json
  assert.deepEqual((meta['source'] as Json)['file'], 'second.jpg')
  assert.match(String((meta['description'] as Json)['lqip']), /^data:image\/webp/)
  const report = await reportOf(edge)
  assert.deepEqual([report.made, report.kept, report.failures], [4, 0, []])
  assert.deepEqual(
    report.after.map(({ name }) => name),
    ['tile', 'scaled'],
  )
})

test('what is changed is made anew, what has changed while the edge was down too, and nothing else', async () => {
  await using edge = await folderEdge({}, async (folder) => {
    for (const name of ['a', 'b'])
      await writeFile(join(folder, 'in', `${name}.png`), await card().png().toBuffer())
  })
  await done(edge, 'in/small/a-meta.json')
  await done(edge, 'in/small/b-meta.json')
  const untouched = await stat(join(edge.folder, 'in/small/b-meta.json'))
  await writeFile(join(edge.folder, 'in', 'a.png'), await scene(500, 500).png().toBuffer())
  await until(async () => (await sharp(join(edge.folder, 'in/small/a-scaled.jpg')).metadata()).width === 500)
  const after = await stat(join(edge.folder, 'in/small/b-meta.json'))
  assert.deepEqual([after.ino, after.mtimeMs], [untouched.ino, untouched.mtimeMs])
  // Another size in the configuration: everything is made anew by the running edge.
  const config = optimising({
    from: { folder: 'in' },
    to: { folder: 'in/small' },
    sizes: { icon: { width: 16 } },
  })
  const plan = await planOf(
    { listeners: [{ port: 0, host: '127.0.0.1' }], admin: false, distributions: { test: SITE }, ...config },
    edge.folder,
    2,
  )
  await edge.edge.reload(plan)
  await done(edge, 'in/small/a-icon.jpg')
  await done(edge, 'in/small/b-icon.jpg')
})

test('what is no picture, or not one that is accepted, is reported with the reason, and can be tried again', async () => {
  await using detector = await rekognition({ DetectModerationLabels: { ModerationLabels: [] } })
  await using edge = await folderEdge({
    accept: { minSide: 50, types: ['jpeg', 'png'], moderation: { url: detector.url } },
  })
  const put = async (name: string, bytes: Buffer | string) => writeFile(join(edge.folder, 'in', name), bytes)
  await put('text.jpg', 'this is text')
  await put('small.jpg', await card(49, 80).jpeg().toBuffer())
  await put('web.webp', await card().webp().toBuffer())
  await put('good.jpg', await card().jpeg().toBuffer())
  await done(edge, 'in/small/good-meta.json')
  detector.answers['DetectModerationLabels'] = { ModerationLabels: [{ Name: 'Violence', Confidence: 99 }] }
  await put('bad.jpg', await card().jpeg().toBuffer())
  await until(async () => (await reportOf(edge)).failures.length === 4)
  const failures = (await reportOf(edge)).failures.map(({ key, kind, code }) => `${key} ${kind} ${code}`)
  assert.deepEqual(failures.sort(), [
    'bad.jpg rejected FAILED_MODERATION',
    'small.jpg rejected IMAGE_TOO_SMALL',
    'text.jpg failed InstantiationError',
    'web.webp rejected UNSUPPORTED_TYPE',
  ])
  assert.ok(edge.said.some((line) => /uploads: small.jpg: rejected: IMAGE_TOO_SMALL: .*49 x 80/.test(line)))
  assert.match(
    edge.edge.metricsText(),
    /edgeward_optimiser_pictures_total\{optimiser="uploads",outcome="rejected"\} 3/,
  )
  assert.ok(!existsSync(join(edge.folder, 'in/small/bad-tile.jpg')))

  detector.answers['DetectModerationLabels'] = { ModerationLabels: [] }
  const order = { retried: 1 }
  const answer = await admin(
    edge.edge,
    'POST',
    '/images/optimise/:name/retry',
    { name: 'uploads' },
    { key: 'bad.jpg' },
  )
  assert.deepEqual(answer, order)
  await done(edge, 'in/small/bad-meta.json')
  // Another file of the same name is another picture.
  await put('text.jpg', await card().jpeg().toBuffer())
  await done(edge, 'in/small/text-meta.json')
  await until(async () => (await reportOf(edge)).failures.length === 2)
})

test('originals whose names differ only in endings have results of their own', async () => {
  await using edge = await folderEdge()
  const names = ['b.webp', 'b.jpg.png', 'b.jpg', 'b.jpg.jpg', 'b.png']
  const results = join(edge.folder, 'in/small')
  const records = () =>
    globSync('*-meta.json', { cwd: results }).map((file) => {
      const { source, derivatives, description } = JSON.parse(readFileSync(join(results, file), 'utf8'))
      for (const each of derivatives) assert.ok(existsSync(join(results, each.file)), each.file)
      return `${source.file} ${description.original.width}`
    })
  for (const [index, name] of names.entries()) {
    const picture = card(50 + index, 50).toFormat(name.split('.').at(-1) as 'png')
    await writeFile(join(edge.folder, 'in', name), await picture.toBuffer())
    await until(() => records().length === index + 1)
  }
  assert.deepEqual(records().sort(), names.map((name, index) => `${name} ${50 + index}`).sort())
})

test('what may go away by itself is tried again: a moderation service that is down costs no picture', async () => {
  await using detector = await rekognition({ DetectModerationLabels: { ModerationLabels: [] } })
  detector.isDown = true
  await using edge = await folderEdge({
    accept: { moderation: { url: detector.url } },
    retry: { attempts: 100, firstSeconds: 0.01, maxSeconds: 0.1 },
  })
  await writeFile(join(edge.folder, 'in', 'a.jpg'), await card().jpeg().toBuffer())
  await until(() => detector.asked.length >= 3)
  detector.isDown = false
  await done(edge, 'in/small/a-meta.json')
  assert.deepEqual((await reportOf(edge)).failures, [])
})

test(
  'killed in the middle of many pictures, the next edge makes those that are missing and leaves the others alone',
  { timeout: 120_000 },
  async () => {
    await using place = await edgeFolder({ sizes: { tile: { width: 40, height: 40 } } })
    const { folder, config } = place
    const COUNT = 24
    const records = () => globSync('*-meta.json', { cwd: join(folder, 'out') })
    const picture = await card().png().toBuffer()
    {
      await using first = await startEdgeOf(config)
      for (let i = 0; i < COUNT; i++) await writeFile(join(folder, 'in', `p${i}.png`), picture)
      await until(() => records().length >= COUNT / 4)
      await first.end('SIGKILL')
    }
    const before = await standOf(folder, records())
    assert.ok(before.size < COUNT, 'the kill came in the middle')
    {
      // What a kill leaves of a write is neither a result nor an original.
      await using second = await startEdgeOf(config)
      await until(() => records().length === COUNT)
      await second.end('SIGTERM')
    }
    const after = await standOf(folder, records())
    for (const [name, stand] of before) assert.equal(after.get(name), stand, `${name} was made twice`)
    for (let i = 0; i < COUNT; i++)
      assert.equal((await sharp(join(folder, 'out', `p${i}-tile.jpg`)).metadata()).width, 40)
  },
)

/** Each record by name, with what tells that it was written anew. */
async function standOf(folder: string, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const stands = new Map<string, string>()
  for (const name of names) {
    const { ino, mtimeMs } = await stat(join(folder, 'out', name))
    stands.set(name, `${ino} ${mtimeMs}`)
  }
  return stands
}
