import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkConfig } from '../../src/config/check.ts'
import { type Json, SITE } from '../support/optimising-edge.ts'

test('mistakes of images.optimise are told with their place, all at once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-test-'))
  try {
    await mkdir(join(folder, 'in', 'deep'), { recursive: true })
    const folders = { from: { folder: 'in' }, to: { folder: 'out' } }
    const objects = { from: { objects: 'photos', prefix: 'in/' }, to: { objects: 'photos', prefix: 'out/' } }
    const notifications = { distribution: 'test', path: '/up', secret: 'x' }
    const cases: readonly { readonly optimise: Json; readonly path: string; readonly says: RegExp }[] = [
      {
        optimise: { a: { ...folders, from: { folder: 'nowhere' } } },
        path: 'a.from.folder',
        says: /no folder .*nowhere/,
      },
      { optimise: { a: { ...folders, to: { folder: './in/' } } }, path: 'a.to', says: /taken for originals/ },
      {
        optimise: { a: { from: { folder: 'in/deep' }, to: { folder: 'in' } } },
        path: 'a.to',
        says: /taken for originals/,
      },
      {
        optimise: { a: { ...objects, to: { objects: 'photos', prefix: 'in/' } } },
        path: 'a.to',
        says: /taken for originals/,
      },
      {
        optimise: { a: { ...objects, to: { objects: 'photos' } } },
        path: 'a.to',
        says: /taken for originals/,
      },
      // The same bucket by another name.
      {
        optimise: { a: { ...objects, to: { objects: 'same', prefix: 'ph/in/' } } },
        path: 'a.to',
        says: /taken for originals/,
      },
      {
        optimise: { a: folders, b: { from: { folder: 'in/deep' }, to: { folder: 'out' } } },
        path: 'b.to',
        says: /a writes there too/,
      },
      {
        optimise: { a: { ...folders, queue: { url: 'http://x/q' } } },
        path: 'a.queue',
        says: /do not tell of files in a folder/,
      },
      {
        optimise: { a: { ...objects, scanEverySeconds: false } },
        path: 'a.scanEverySeconds',
        says: /nothing would ever be found/,
      },
      {
        optimise: { a: { ...objects, notifications: { distribution: 'tset', path: '/up', secret: 'x' } } },
        path: 'a.notifications.distribution',
        says: /no distribution tset/,
      },
      {
        optimise: { a: { ...objects, notifications: { distribution: 'test', path: '/up' } } },
        path: 'a.notifications',
        says: /nobody would be believed/,
      },
      {
        optimise: {
          a: {
            ...objects,
            notifications: {
              distribution: 'test',
              path: '/up',
              topicArn: 'arn:aws:sns:us-east-1:123456789012:t',
              field: 'y',
            },
          },
        },
        path: 'a.notifications.field',
        says: /no secret/,
      },
      {
        optimise: { a: { ...objects, notifications }, b: { ...folders, notifications } },
        path: 'b.notifications.path',
        says: /a is notified at this path too/,
      },
      {
        optimise: { a: { ...folders, sizes: { x: {} } } },
        path: 'a.sizes.x',
        says: /needs a width, a height, or both/,
      },
      { optimise: { a: { ...folders, sizes: {} } }, path: 'a.sizes', says: /at least one size/ },
      { optimise: { a: { ...folders, formats: ['bmp'] } }, path: 'a.formats[0]', says: /bmp/ },
      { optimise: { a: { ...folders, speed: 1 } }, path: 'a.speed', says: /./ },
      { optimise: { a: { ...folders, exif: 'some' } }, path: 'a.exif', says: /./ },
      { optimise: { a: { ...folders, deleted: 'yes' } }, path: 'a.deleted', says: /./ },
      {
        optimise: { a: { ...folders, accept: { people: false } } },
        path: 'a.accept.people',
        says: /nobody is asked/,
      },
      {
        optimise: { a: { ...folders, accept: { detector: { url: 'http://x/' } } } },
        path: 'a.accept.detector',
        says: /never asked/,
      },
      {
        optimise: {
          a: { ...folders, accept: { people: false, detector: { url: 'http://x/', faces: false } } },
        },
        path: 'a.accept.detector',
        says: /asked for nothing/,
      },
    ]
    const stores = { photos: { bucket: 's3://bucket/ph' }, same: { bucket: 'bucket' } }
    for (const { optimise, path, says } of cases) {
      const { problems } = await checkConfig(
        { distributions: { test: SITE }, objects: stores, images: { optimise } },
        folder,
      )
      const found = problems.filter((problem) => problem.path === `images.optimise.${path}`)
      assert.ok(
        found.some(({ level, message }) => level === 'error' && says.test(message)),
        `${path}: ${JSON.stringify(problems)}`,
      )
    }
    const { problems } = await checkConfig(
      {
        distributions: { test: SITE },
        images: {
          optimise: {
            a: { from: { folder: 'no' }, to: { folder: 'no' } },
            b: { ...folders, queue: { url: 'http://x/q' } },
          },
        },
      },
      folder,
    )
    assert.equal(problems.filter(({ level }) => level === 'error').length, 3)
  } finally {
    await rm(folder, { recursive: true })
  }
})
