import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { renderConfigReference, renderConfigSchema } from './config-reference.ts'
import { type Outline, outlineOf } from './schema-outline.ts'
import { edgeSchema } from './schema.ts'

const folder = path.join(import.meta.dirname, '../../docs/reference')
const remedy = 'is out of date: run node tools/write-config-reference.ts'

test('docs/reference/config.md is what the schemas give', () => {
  assert.equal(
    readFileSync(path.join(folder, 'config.md'), 'utf8'),
    renderConfigReference(),
    `config.md ${remedy}`,
  )
})

test('docs/reference/config.schema.json is what the schemas give', () => {
  const written = readFileSync(path.join(folder, 'config.schema.json'), 'utf8')
  assert.equal(written, renderConfigSchema(), `config.schema.json ${remedy}`)
})

test('every key has a description that is a sentence', () => {
  const missing: string[] = []
  visit(outlineOf(edgeSchema), '', (place, outline) => {
    if (!/[.?]$/.test(outline.description ?? '')) missing.push(place)
  })
  assert.deepEqual(missing, [])
})

test('every object refuses keys it does not know', () => {
  const open: string[] = []
  visit(outlineOf(edgeSchema), '', (place, outline) => {
    if (outline.properties !== undefined && outline.additionalProperties !== false) open.push(place)
  })
  assert.deepEqual(open, [])
})

function visit(outline: Outline, place: string, tell: (place: string, outline: Outline) => void): void {
  for (const [key, value] of Object.entries(outline.properties ?? {})) {
    tell(`${place}.${key}`, value)
    visit(value, `${place}.${key}`, tell)
  }
  for (const branch of outline.anyOf ?? []) visit(branch, place, tell)
  if (outline.items !== undefined) visit(outline.items, `${place}[]`, tell)
  if (typeof outline.additionalProperties === 'object')
    visit(outline.additionalProperties, `${place}.NAME`, tell)
}
