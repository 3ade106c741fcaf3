import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { done, folderEdge, type Json, optimising, reportOf, SITE } from '../support/optimising-edge.ts'
import { until } from '../support/until.ts'
import { card } from '../support/pictures.ts'
import { planOf, type RunningEdge } from '../support/running-edge.ts'

const PHONE = {
  IFD0: { Make: 'Acme', Model: 'Snap 3' },
  IFD2: { DateTimeOriginal: '2026:01:02 03:04:05', BodySerialNumber: 'SN-1' },
  IFD3: {
    GPSLatitudeRef: 'N',
    GPSLatitude: '52/1 30/1 0/1',
    GPSLongitudeRef: 'E',
    GPSLongitude: '13/1 15/1 0/1',
  },
}

const phone = () => card().withExif(PHONE).jpeg().toBuffer()

async function jsonIn(edge: RunningEdge, name: string): Promise<Json> {
  return JSON.parse(await readFile(join(edge.folder, 'in/small', name), 'utf8')) as Json
}

const filesOf = (record: Json) => (record['derivatives'] as readonly Json[]).map(({ file }) => file)

test('a file tells what the camera wrote but not where, is one of the results, and is made again when it is gone', async () => {
  await using edge = await folderEdge({ exif: true })
  await writeFile(join(edge.folder, 'in', 'phone.jpg'), await phone())
  await writeFile(join(edge.folder, 'in', 'plain.png'), await card().png().toBuffer())
  await done(edge, 'in/small/phone-meta.json')
  await done(edge, 'in/small/plain-meta.json')
  const exif = await jsonIn(edge, 'phone-exif.json')
  assert.equal((exif['Image'] as Json)['Model'], 'Snap 3')
  assert.equal((exif['Photo'] as Json)['DateTimeOriginal'], '2026-01-02T03:04:05')
  assert.doesNotMatch(JSON.stringify(exif), /GPS|location|SN-1/)
  assert.deepEqual(filesOf(await jsonIn(edge, 'phone-meta.json')), [
    'phone-tile.jpg',
    'phone-scaled.jpg',
    'phone-exif.json',
  ])
  // There is nothing to tell.
  assert.deepEqual(filesOf(await jsonIn(edge, 'plain-meta.json')), ['plain-tile.jpg', 'plain-scaled.jpg'])
  assert.ok(!existsSync(join(edge.folder, 'in/small/plain-exif.json')))
  const { after } = await reportOf(edge)
  assert.deepEqual(
    after.map(({ name, format }) => `${name} ${format}`),
    ['tile jpeg', 'scaled jpeg', 'exif json'],
  )
})

test('location comes only with all; what was told of another picture, or of more than is wished, goes away', async () => {
  await using edge = await folderEdge({ exif: 'all' })
  const original = join(edge.folder, 'in', 'phone.jpg')
  await writeFile(original, await phone())
  await done(edge, 'in/small/phone-meta.json')
  const all = await jsonIn(edge, 'phone-exif.json')
  assert.deepEqual(all['location'], { latitude: 52.5, longitude: 13.25 })
  assert.equal((all['Photo'] as Json)['BodySerialNumber'], 'SN-1')

  let version = 1
  const configure = async (exif: boolean) => {
    const config = optimising({ from: { folder: 'in' }, to: { folder: 'in/small' }, exif })
    const listeners = [{ port: 0, host: '127.0.0.1' }]
    await edge.edge.reload(
      await planOf(
        { listeners, admin: false, distributions: { test: SITE }, ...config },
        edge.folder,
        ++version,
      ),
    )
  }
  await configure(true)
  await until(async () => !('location' in (await jsonIn(edge, 'phone-exif.json'))))
  await writeFile(original, await card(90, 60).jpeg().toBuffer())
  await until(() => !existsSync(join(edge.folder, 'in/small/phone-exif.json')))
  await until(async () => filesOf(await jsonIn(edge, 'phone-meta.json')).length === 2)
  await writeFile(original, await phone())
  await done(edge, 'in/small/phone-exif.json')
  await configure(false)
  await until(() => !existsSync(join(edge.folder, 'in/small/phone-exif.json')))
  // Another original takes the name of one that is gone.
  await configure(true)
  await done(edge, 'in/small/phone-exif.json')
  await until(async () => filesOf(await jsonIn(edge, 'phone-meta.json')).length === 3)
  await rm(original)
  await writeFile(join(edge.folder, 'in', 'phone.png'), await card().png().toBuffer())
  await until(async () => ((await jsonIn(edge, 'phone-meta.json'))['source'] as Json)['file'] === 'phone.png')
  assert.ok(!existsSync(join(edge.folder, 'in/small/phone-exif.json')))
})

test('EXIF that is broken or hostile costs the picture nothing', async () => {
  await using edge = await folderEdge({ exif: 'all' })
  const whole = await phone()
  const start = whole.indexOf('Exif\0\0', 0, 'latin1') + 6
  const cut = Buffer.from(whole)
  // The first directory lies far outside.
  cut.writeUInt32LE(0x7fffffff, start + 4)
  const hostile = Buffer.from(whole)
  // Its first entry declares as many bytes as there can be.
  hostile.writeUInt32LE(0xffffffff, start + 8 + 2 + 4)
  for (const [name, bytes] of Object.entries({ cut, hostile }))
    await writeFile(join(edge.folder, 'in', `${name}.jpg`), bytes)
  for (const name of ['cut', 'hostile']) await done(edge, `in/small/${name}-meta.json`)
  assert.deepEqual((await reportOf(edge)).failures, [])
})
