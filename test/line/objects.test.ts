import assert from 'node:assert/strict'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { S3_ACCOUNT, fakeS3 } from '../support/aws/s3.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { planOf, runEdge } from '../support/running-edge.ts'

const site = { origins: { site: { folder: '.' } }, defaultBehavior: { origin: 'site' } }

test('each name is the store that the configuration says, and a folder of the data folder where it says nothing', async () => {
  process.env['EDGEWARD_TEST_OBJECTS_KEY'] = S3_ACCOUNT.secretAccessKey
  const clock = new ManualClock()
  await using service = await fakeS3({ clock })
  const objects = {
    near: { folder: './pictures/kept' },
    far: {
      bucket: 's3://photos/edge',
      endpoint: service.endpoint,
      region: S3_ACCOUNT.region,
      credentials: {
        accessKeyId: S3_ACCOUNT.accessKeyId,
        secretAccessKey: { env: 'EDGEWARD_TEST_OBJECTS_KEY' },
      },
    },
  }
  await using running = await runEdge(site, { clock, top: { objects, dataFolder: './data' } })
  const { seams } = running.edge
  for (const name of ['near', 'far', 'other', 'constructor'])
    await (await seams.objects(name)).put('a/b', `in ${name}`)
  for (const name of ['near', 'far', 'other', 'constructor']) {
    const read = await (await seams.objects(name)).get('a/b')
    assert.equal((await buffer(read!.body)).toString(), `in ${name}`)
  }
  assert.deepEqual([...service.buckets.get('photos')!.keys()], ['edge/a/b'])
  assert.ok((await readdir(join(running.folder, 'pictures', 'kept'))).includes('objects'))
  assert.deepEqual((await readdir(join(running.folder, 'data', 'objects'))).sort(), ['constructor', 'other'])
  assert.equal(await seams.objects('far'), await seams.objects('far'))
})

test('another place for objects counts after a restart, and a reload says so', async () => {
  await using running = await runEdge(site, { top: { objects: { near: { folder: './one' } } } })
  await mkdir(join(running.folder, 'two'))
  const next = await planOf(
    {
      listeners: [{ port: 0, host: '127.0.0.1' }],
      admin: false,
      distributions: { test: site },
      objects: { near: { folder: './two' } },
    },
    running.folder,
  )
  assert.ok((await running.edge.reload(next)).includes('objects'))
})
