import assert from 'node:assert/strict'
import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import sharp from 'sharp'
import { done, folderEdge, type Json } from '../support/optimising-edge.ts'
import { runEdge } from '../support/running-edge.ts'

const PHONE = join(import.meta.dirname, '..', 'support', 'phone.heic')

test('HEIC of a phone that is uploaded gets its derivatives, its record and its EXIF', async () => {
  await using edge = await folderEdge({ exif: true, accept: { types: ['heic'] } })
  await copyFile(PHONE, join(edge.folder, 'in', 'IMG_0001.HEIC'))
  await done(edge, 'in/small/IMG_0001-meta.json')
  const at = (name: string) => join(edge.folder, 'in/small', name)
  const { format, width, height } = await sharp(at('IMG_0001-scaled.jpg')).metadata()
  assert.deepEqual([format, width, height], ['jpeg', 96, 128])
  const { description } = JSON.parse(await readFile(at('IMG_0001-meta.json'), 'utf8')) as {
    description: Json
  }
  assert.equal((description['original'] as Json)['format'], 'heic')
  const exif = JSON.parse(await readFile(at('IMG_0001-exif.json'), 'utf8')) as Json
  assert.equal((exif['Image'] as Json)['Model'], 'Snap 3')
})

test('HEIC in an origin is transformed for viewers too: JPEG unless they ask otherwise', async () => {
  await using edge = await runEdge(
    {
      origins: { photos: { folder: './photos' } },
      defaultBehavior: {
        origin: 'photos',
        images: { dialect: 'edge', presets: { small: 'w=48', webp: 'w=48&f=webp' } },
      },
    },
    {
      async prepare(folder) {
        await mkdir(join(folder, 'photos'))
        await copyFile(PHONE, join(folder, 'photos', 'a.heic'))
      },
    },
  )
  for (const [preset, format] of [
    ['small', 'jpeg'],
    ['webp', 'webp'],
  ]) {
    const answer = await fetch(`${edge.url}/${preset}/a.heic`)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('content-type'), `image/${format}`)
    const { width, height, ...found } = await sharp(Buffer.from(await answer.arrayBuffer())).metadata()
    assert.deepEqual([found.format, width, height], [format, 48, 64])
  }
})
