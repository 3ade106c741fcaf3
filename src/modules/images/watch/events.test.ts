import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readEvents } from './events.ts'

const s3 = (key: string, eventName = 'ObjectCreated:Put') => ({
  eventSource: 'aws:s3',
  eventName,
  s3: { bucket: { name: 'photos' }, object: { key, size: 1 } },
})
const photos = (key: string, is = 'created') => ({ is, bucket: 'photos', key })

test('events of S3, SNS, EventBridge and applications tell which objects were made or removed', () => {
  const cases = [
    { what: 'a put', event: { Records: [s3('a.jpg')] }, objects: [photos('a.jpg')] },
    {
      what: 'encoded as a form',
      event: { Records: [s3('my+photo%2B%C3%BC.jpg')] },
      objects: [photos('my photo+ü.jpg')],
    },
    {
      what: 'many',
      event: { Records: [s3('a'), s3('b', 's3:ObjectCreated:Copy')] },
      objects: [photos('a'), photos('b')],
    },
    {
      what: 'removals',
      event: {
        Records: [
          s3('a+b', 'ObjectRemoved:Delete'),
          s3('c', 's3:ObjectRemoved:DeleteMarkerCreated'),
          s3('d', 'LifecycleExpiration:Delete'),
        ],
      },
      objects: [photos('a b', 'removed'), photos('c', 'removed'), photos('d', 'removed')],
    },
    { what: 'other things', event: { Records: [s3('a', 'ObjectTagging:Put'), s3('b', 'x')] }, objects: [] },
    { what: 'nothing of S3', event: { Records: [{ eventSource: 'aws:ses', eventName: 'x' }] }, objects: [] },
    {
      what: 'wrapped by SNS',
      event: { Type: 'Notification', Message: JSON.stringify({ Records: [s3('a')] }) },
      objects: [photos('a')],
    },
    {
      what: 'EventBridge, whose keys are as they are',
      event: {
        source: 'aws.s3',
        'detail-type': 'Object Created',
        detail: { bucket: { name: 'photos' }, object: { key: 'a+b%20c' } },
      },
      objects: [photos('a+b%20c')],
    },
    {
      what: 'a removal of EventBridge',
      event: {
        source: 'aws.s3',
        'detail-type': 'Object Deleted',
        detail: { bucket: { name: 'photos' }, object: { key: 'a' }, 'deletion-type': 'Permanently Deleted' },
      },
      objects: [photos('a', 'removed')],
    },
    {
      what: 'another of EventBridge',
      event: { source: 'aws.s3', 'detail-type': 'Object Tags Added' },
      objects: [],
    },
    {
      what: 'uploadComplete',
      event: {
        source: 'custom.happyPath',
        'detail-type': 'uploadComplete',
        detail: { bucket: 'photos', key: 'a', ID: '1' },
      },
      objects: [photos('a')],
    },
    { what: 'only a key', event: { key: 'a' }, objects: [{ is: 'created', bucket: undefined, key: 'a' }] },
  ]
  for (const { what, event, objects } of cases)
    assert.deepEqual(readEvents(JSON.stringify(event)), { kind: 'changed', objects }, what)
})

test('the test event of S3 is known, bare and wrapped', () => {
  const event = { Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'photos' }
  assert.deepEqual(readEvents(JSON.stringify(event)), { kind: 'test' })
  const wrapped = { Type: 'Notification', Message: JSON.stringify(event) }
  assert.deepEqual(readEvents(JSON.stringify(wrapped)), { kind: 'test' })
})

test('what is no event is not taken for one, and said', () => {
  const wrap = (Message: string) => JSON.stringify({ Type: 'Notification', Message })
  const cases = [
    { text: 'text', why: /not JSON/ },
    { text: 'null', why: /no event/ },
    { text: '{}', why: /no event/ },
    { text: '{"key":""}', why: /no event/ },
    { text: '{"key":"a","more":1}', why: /no event/ },
    { text: JSON.stringify({ Records: [s3('100%')] }), why: /100% is not URL-encoded/ },
    { text: wrap('text'), why: /wrapped is not JSON/ },
    { text: wrap(wrap(JSON.stringify({ Records: [s3('a')] }))), why: /no event/ },
  ]
  for (const { text, why } of cases) {
    const heard = readEvents(text)
    assert.equal(heard.kind, 'unknown', text)
    assert.match(heard.kind === 'unknown' ? heard.why : '', why)
  }
})

test('any key comes back as S3 encodes it, and nothing makes the reader throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (key) => {
      const encoded = encodeURIComponent(key).replaceAll('%20', '+')
      assert.deepEqual(readEvents(JSON.stringify({ Records: [s3(encoded)] })), {
        kind: 'changed',
        objects: [photos(key)],
      })
    }),
  )
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void readEvents(text)))
})
