import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createNameSelector, isNameSelected } from '../../../http/name-selector.ts'
import type { ModuleInvalidation } from '../../module.ts'
import { concerned, readSelection, tagsSelected } from './select-sources.ts'
import { sourceTag, stopgapTag } from './variant-key.ts'

const NAMES = new Set(['photos', 'web'])

test('the tags of a selection are those of its sources, in all buckets unless one is named', () => {
  const cases: readonly { source: string | undefined; bucket?: string; tags: readonly string[] }[] = [
    { source: undefined, tags: ['images'] },
    { source: 'cats/1 a.jpg', tags: ['images:photos/cats/1%20a.jpg', 'images:web/cats/1%20a.jpg'] },
    { source: '/a.jpg', bucket: 'web', tags: ['images:web/a.jpg'] },
    { source: 'a.jpg', bucket: 'elsewhere', tags: [] },
    { source: 'cats/*', bucket: 'web', tags: ['images:web/cats/*', 'images:~*'] },
    { source: `${'x'.repeat(2_000)}*`, bucket: 'web', tags: ['images:~*'] },
  ]
  for (const { source, bucket, tags } of cases)
    assert.deepEqual(
      tagsSelected(source === undefined ? undefined : readSelection(source, bucket), NAMES),
      tags,
      source ?? 'everything',
    )
})

test('the tags of a beginning select every source that begins so, whatever stands in its key', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 400 }).filter((each) => each.isWellFormed())
  fc.assert(
    fc.property(text, text, (beginning, end) => {
      const key = beginning.replace(/^\/+/, '')
      const selector = createNameSelector(tagsSelected(readSelection(`${key}*`, 'web'), NAMES))
      assert.ok(isNameSelected(selector, sourceTag('web', key + end)))
      assert.ok(!isNameSelected(selector, sourceTag('photos', 'a.jpg')))
    }),
  )
})

test('an invalidation concerns pictures by their tags, or as a whole; by path, softly or of stand-ins it does not', () => {
  const tag = 'images:photos/a.jpg'
  const cases: readonly { what: Omit<ModuleInvalidation, 'distributionId'>; hits: boolean | undefined }[] = [
    { what: { soft: false }, hits: true },
    { what: { tags: [tag], soft: false }, hits: true },
    { what: { tags: ['images'] }, hits: true },
    { what: { tags: ['*'] }, hits: true },
    { what: { tags: ['images:photos/b.jpg', stopgapTag('k')] }, hits: false },
    { what: { tags: [stopgapTag('k')] }, hits: undefined },
    { what: { tags: ['product-1'] }, hits: undefined },
    { what: { tags: [tag], soft: true }, hits: undefined },
    { what: { paths: ['/a.jpg'] }, hits: undefined },
  ]
  for (const { what, hits } of cases) {
    const selected = concerned({ distributionId: 'E', ...what })
    const found = selected && ['images', tag].some((each) => isNameSelected(selected, each))
    assert.equal(found, hits, JSON.stringify(what))
  }
})
