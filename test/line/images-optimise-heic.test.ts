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

test('HEIC in an origin is not transformed for viewers, and the answer says what to do', async () => {
  await using edge = await runEdge(
    {
      origins: { photos: { folder: './photos' } },
      defaultBehavior: { origin: 'photos', images: { dialect: 'edge', presets: { small: 'w=48' } } },
    },
    {
      async prepare(folder) {
        await mkdir(join(folder, 'photos'))
        await copyFile(PHONE, join(folder, 'photos', 'a.heic'))
      },
    },
  )
  const answer = await fetch(`${edge.url}/small/a.heic`)
  assert.equal(answer.status, 400)
  assert.match(await answer.text(), /RequestTypeError.*HEIC.*images\.optimise/s)
})
