import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type OptimiserReport, printReport } from './report.ts'

const idle: OptimiserReport = { name: 'uploads', isWorking: true, failures: [], tried: [], more: 0 }

test('a report says what was made, removed, tried and given up, each in a line of its own', () => {
  const report: OptimiserReport = {
    ...idle,
    made: 2,
    kept: 1,
    removed: 3,
    waiting: 0,
    working: 0,
    retrying: 2,
    settling: 0,
    bytesBefore: 2_000_000,
    after: [
      { name: 'tile', format: 'avif', bytes: 20_000 },
      { name: 'exif', format: 'json', bytes: 900 },
    ],
    scannedAt: 0,
    tried: [
      { key: 'a.jpg', attempts: 1 },
      { key: 'b.jpg', attempts: 4 },
    ],
    failures: [
      {
        key: 'c.jpg',
        kind: 'rejected',
        code: 'NO_PEOPLE_ALLOWED',
        why: 'A face.',
        attempts: 1,
        at: 0,
        version: '',
      },
      { key: 'd.jpg', kind: 'failed', code: 'EIO', why: 'Broken.', attempts: 8, at: 0, version: '' },
    ],
    more: 5,
  }
  assert.deepEqual(printReport(report), [
    'uploads: 2 made, 1 found done, 0 waiting, 0 at work',
    '  3 removed with their originals',
    '  2 will be tried again',
    '  originals  2.00 MB',
    '  tile avif  20.0 kB, 99.0 % less',
    '  exif json  900 bytes',
    '  looked through at 1970-01-01T00:00:00.000Z',
    '  TRIED a.jpg: once, and will be again',
    '  TRIED b.jpg: 4 times, and will be again',
    '  REJECTED c.jpg: NO_PEOPLE_ALLOWED: A face. 1970-01-01T00:00:00.000Z',
    '  FAILED d.jpg: EIO: Broken. (8 tries) 1970-01-01T00:00:00.000Z',
    '  and 5 more',
  ])
  assert.deepEqual(printReport({ ...idle, isWorking: false }), ['uploads: not working here'])
})
