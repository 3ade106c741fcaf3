import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { EDIT_NAMES } from '../../src/modules/images/engine/edits.ts'
import { TRANSFORMATION_TYPES } from '../../src/modules/images/dit/transformations.ts'
import { LINK_PARAMETERS, PICTURE_PARAMETERS } from '../../src/modules/images/readable/parameters.ts'
import { FILTER_NAMES } from '../../src/modules/images/sih/thumbor-filters.ts'
import { differenceOf } from '../../test/support/pictures.ts'
import { buildGuide } from './build-guide.ts'
import { type Example, SECTIONS } from './examples.ts'

const guide = path.join(import.meta.dirname, '..', '..', 'docs', 'guide')
const RUN = 'run node tools/write-image-guide.ts'

/** Operations of one way to ask, shown and there. */
const lists: readonly { what: string; isOne: (example: Example) => boolean; names: readonly string[] }[] = [
  { what: 'edit', isOne: ({ ask }) => 'edits' in ask, names: EDIT_NAMES },
  { what: 'filter', isOne: ({ ask, shows }) => 'path' in ask && shows[0] !== ask.path, names: FILTER_NAMES },
  { what: 'parameter', isOne: ({ ask }) => 'edge' in ask, names: PICTURE_PARAMETERS },
  { what: 'transformation', isOne: ({ ask }) => 'dit' in ask, names: TRANSFORMATION_TYPES },
]
for (const { what, isOne, names } of lists) {
  test(`the guide shows every ${what} there is`, () => {
    const shown = SECTIONS.flatMap(({ examples }) => examples.filter(isOne)).flatMap(({ shows }) => shows)
    assert.deepEqual(
      names.filter((name) => !shown.includes(name)),
      [],
    )
  })
}

test('what only says who asks has no picture', () => {
  assert.deepEqual(LINK_PARAMETERS, ['expires', 's'])
})

test('the page and its pictures are what a running edge gives', async () => {
  const { page, pictures } = await buildGuide(SECTIONS)
  const folder = path.join(guide, 'images')
  assert.deepEqual(readdirSync(folder).sort(), [...pictures.keys()].sort(), RUN)
  // Encoders of other machines may give a byte more or less.
  const withoutSizes = (text: string) => text.replace(/[\d,]+ bytes/g, 'n bytes')
  const kept = readFileSync(path.join(guide, 'image-operations.md'), 'utf8')
  assert.equal(withoutSizes(kept), withoutSizes(page), RUN)
  let bytes = 0
  for (const [name, picture] of pictures) {
    bytes += picture.length
    const kept = readFileSync(path.join(folder, name))
    if (!kept.equals(picture)) assert.ok((await differenceOf(kept, picture)) < 1, `${name}: ${RUN}`)
  }
  assert.ok(bytes < 400_000, `${bytes} bytes of pictures are too many for a page`)
})

const broken = (asks: readonly Example['ask'][]) =>
  buildGuide([
    { title: 'broken', text: '', examples: asks.map((ask) => ({ shows: ['broken'], ask, what: 'broken' })) },
  ])

test('the build fails for invalid examples, and says of each of them why', async () => {
  const invalid: readonly (readonly [Example['ask'], RegExp])[] = [
    [{ edits: { glow: 3, flip: true } }, /no edit glow/],
    [{ edits: { blur: -3 } }, /ProcessingFailure/],
    [{ path: '/filters:glow(3)' }, /nothing was done/],
    [{ dit: 'blur=0.1' }, /nothing was done/],
    [{ dit: 'policyId=none' }, /POLICY_NOT_FOUND/],
  ]
  await assert.rejects(broken(invalid.map(([ask]) => ask)), (error: Error) => {
    const [title, ...lines] = error.message.split('\n')
    assert.equal(title, 'examples of the guide are invalid:')
    assert.equal(lines.length, invalid.length)
    invalid.forEach(([, says], index) => assert.match(lines[index]!, says))
    return true
  })
})

test('the build fails for a preset that the configuration refuses', async () => {
  await assert.rejects(broken([{ edge: 'w=none' }]), /w must be a whole number/)
})
