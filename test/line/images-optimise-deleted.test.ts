import assert from 'node:assert/strict'
import { existsSync, globSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import sharp from 'sharp'
import { Secret } from '../../src/base/secret.ts'
import {
  done,
  edgeFolder,
  folderEdge,
  optimising,
  reportOf,
  SITE,
  startEdgeOf,
} from '../support/optimising-edge.ts'
import { until } from '../support/until.ts'
import { card } from '../support/pictures.ts'
import { runEdge } from '../support/running-edge.ts'

const REMOVE = { deleted: 'remove', sizes: { tile: { width: 40, height: 40 } } }

const filesIn = (folder: string) => globSync('**/*.*', { cwd: folder }).sort()

test('what was made of a picture goes away with it, alone or with its folder, and of no other', async () => {
  const picture = await card().png().toBuffer()
  await using edge = await folderEdge(REMOVE, async (folder) => {
    await mkdir(join(folder, 'in', 'deep'))
    for (const name of ['a.png', 'b.png', 'b.jpg', 'deep/c.png', 'deep/d.png'])
      await writeFile(join(folder, 'in', name), picture)
    // Nobody's: neither is made by the optimiser.
    await mkdir(join(folder, 'in', 'small'))
    await writeFile(join(folder, 'in', 'small', 'a-notes.txt'), 'text')
    await writeFile(join(folder, 'in', 'small', 'theirs-meta.json'), '{}')
  })
  const small = join(edge.folder, 'in', 'small')
  await until(() => globSync('**/*-meta.json', { cwd: small }).length === 6)
  const { source } = JSON.parse(await readFile(join(small, 'b-meta.json'), 'utf8')) as {
    readonly source: { readonly file: string }
  }
  // One of the two has the short name; the other keeps its ending.
  const [holder, other] = source.file === 'b.png' ? ['b.png', 'b.jpg'] : ['b.jpg', 'b.png']
  await rm(join(edge.folder, 'in', 'a.png'))
  await rm(join(edge.folder, 'in', holder))
  await until(() => !existsSync(join(small, 'a-meta.json')) && !existsSync(join(small, 'b-meta.json')))
  await rename(join(edge.folder, 'in', 'deep'), join(edge.folder, 'elsewhere'))
  await until(() => globSync('deep/*.*', { cwd: small }).length === 0)
  assert.deepEqual(
    filesIn(small),
    [`${other}-meta.json`, `${other}-tile.jpg`, 'a-notes.txt', 'theirs-meta.json'].sort(),
  )
  await until(async () => (await reportOf(edge)).removed === 4)
  assert.match(edge.edge.metricsText(), /pictures_total\{optimiser="uploads",outcome="removed"\} 4/)
  // It comes back as it was, with its old time: what is known of it is not believed.
  await rename(join(edge.folder, 'elsewhere'), join(edge.folder, 'in', 'deep'))
  await done(edge, 'in/small/deep/c-meta.json')
  await done(edge, 'in/small/deep/d-meta.json')
})

test('unless told so results stay, and a failure of what is gone is forgotten', async () => {
  await using edge = await folderEdge({})
  await writeFile(join(edge.folder, 'in', 'a.png'), await card().png().toBuffer())
  await writeFile(join(edge.folder, 'in', 'bad.png'), 'text')
  await done(edge, 'in/small/a-meta.json')
  await until(async () => (await reportOf(edge)).failures.length === 1)
  await rm(join(edge.folder, 'in', 'a.png'))
  await rm(join(edge.folder, 'in', 'bad.png'))
  await until(async () => (await reportOf(edge)).failures.length === 0)
  assert.ok(existsSync(join(edge.folder, 'in/small/a-meta.json')))
})

test('a picture that is deleted and put there again, over and over, keeps what is made of the last one', async () => {
  await using edge = await folderEdge(REMOVE)
  const original = join(edge.folder, 'in', 'a.png')
  const record = join(edge.folder, 'in/small/a-meta.json')
  const ROUNDS = 6
  for (let round = 1; round <= ROUNDS; round++) {
    await writeFile(
      original,
      await card(40 + round, 40)
        .png()
        .toBuffer(),
    )
    // Sometimes it is done, sometimes not even begun.
    if (round % 2 === 0) await done(edge, 'in/small/a-meta.json')
    if (round < ROUNDS) await rm(original)
  }
  const widthOf = async () => {
    if (!existsSync(record)) return undefined
    const { description } = JSON.parse(await readFile(record, 'utf8')) as { description: { width: number } }
    return description.width
  }
  await until(async () => (await widthOf()) === 40 + ROUNDS)
  // Whatever was still to be looked at of the others has been, when one that came later is done.
  await writeFile(join(edge.folder, 'in', 'z.png'), await card().png().toBuffer())
  await done(edge, 'in/small/z-meta.json')
  await until(async () => {
    const { waiting, working, settling } = await reportOf(edge)
    return waiting === 0 && working === 0 && settling === 0
  })
  assert.equal(await widthOf(), 40 + ROUNDS)
  assert.equal((await sharp(join(edge.folder, 'in/small/a-tile.jpg')).metadata()).width, 40)
})

test(
  'what is deleted while no edge runs, and what a kill left half removed, is found by the next one',
  { timeout: 120_000 },
  async () => {
    await using place = await edgeFolder(REMOVE)
    const { folder, config } = place
    const out = join(folder, 'out')
    await mkdir(join(folder, 'in', 'deep'))
    const picture = await card().png().toBuffer()
    for (const name of ['stays', 'goes', 'half', 'deep/goes'])
      await writeFile(join(folder, 'in', `${name}.png`), picture)
    {
      await using first = await startEdgeOf(config)
      await until(() => globSync('**/*-meta.json', { cwd: out }).length === 4)
      await first.end('SIGKILL')
    }
    for (const name of ['goes', 'half', 'deep/goes']) await rm(join(folder, 'in', `${name}.png`))
    // The record goes last.
    await rm(join(out, 'half-tile.jpg'))
    await using _second = await startEdgeOf(config)
    await until(() => filesIn(out).length === 2)
    assert.deepEqual(filesIn(out), ['stays-meta.json', 'stays-tile.jpg'])
  },
)

test('events of removed objects remove what was made of them, and nothing where the object is there', async () => {
  await using edge = await runEdge(SITE, {
    top: optimising({
      from: { objects: 'photos', prefix: 'in/' },
      to: { objects: 'photos', prefix: 'small/' },
      scanEverySeconds: false,
      notifications: { distribution: 'test', path: '/uploads', secret: 'uploads' },
      ...REMOVE,
    }),
  })
  await (await edge.edge.seams.secrets()).put('uploads', new Secret('open-sesame'))
  const store = await edge.edge.seams.objects('photos')
  const post = async (eventName: string, key: string) => {
    const answer = await fetch(`${edge.url}/uploads`, {
      method: 'POST',
      headers: { 'x-api-key': 'open-sesame' },
      body: JSON.stringify({ Records: [{ eventName, s3: { bucket: { name: 'any' }, object: { key } } }] }),
    })
    assert.equal(answer.status, 202)
  }
  const keys = async () => (await store.list({ prefix: 'small/' })).objects.map(({ key }) => key)
  const picture = await card().png().toBuffer()
  for (const name of ['a', 'b']) {
    await store.put(`in/${name}.png`, picture)
    await post('ObjectCreated:Put', `in/${name}.png`)
  }
  await until(async () => (await keys()).length === 4)
  // Told of an old version, or too late: the object is there.
  await post('ObjectRemoved:Delete', 'in/b.png')
  await store.delete('in/a.png')
  await post('ObjectRemoved:DeleteMarkerCreated', 'in/a.png')
  await until(async () => (await keys()).length === 2)
  assert.deepEqual(await keys(), ['small/b-meta.json', 'small/b-tile.jpg'])
  // The same bytes again: their ETag is known, and not believed.
  await store.put('in/a.png', picture)
  await post('ObjectCreated:Put', 'in/a.png')
  await until(async () => (await keys()).length === 4)
})

test('of a store that tells nothing, scans find what is gone and what has come, also among results of the same store', async () => {
  await using edge = await runEdge(SITE, {
    top: optimising({
      from: { objects: 'photos', prefix: 'in/' },
      to: { objects: 'photos', prefix: 'in/small/' },
      scanEverySeconds: 1,
      ...REMOVE,
    }),
  })
  const store = await edge.edge.seams.objects('photos')
  const keys = async () => (await store.list({ prefix: 'in/small/' })).objects.map(({ key }) => key)
  const picture = await card().png().toBuffer()
  for (const name of ['a.png', 'deep/b.png']) await store.put(`in/${name}`, picture)
  await until(async () => (await keys()).length === 4)
  await store.delete('in/deep/b.png')
  await until(async () => (await keys()).length === 2)
  assert.deepEqual(await keys(), ['in/small/a-meta.json', 'in/small/a-tile.jpg'])
  await store.delete('in/a.png')
  await until(async () => (await keys()).length === 0)
})
