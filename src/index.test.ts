import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { defineEdge } from 'edgeward'
import { checkConfig } from './config/check.ts'
import { loadConfig } from './config/load.ts'

test('defineEdge gives back what it was given', () => {
  const config = {
    distributions: { main: { origins: { site: { folder: '.' } }, defaultBehavior: { origin: 'site' } } },
  }
  assert.equal(defineEdge(config), config)
})

test('the example of defineEdge is a configuration without problems', async () => {
  const source = await readFile(path.join(import.meta.dirname, 'index.ts'), 'utf8')
  const example = /```ts\n([\s\S]*?)```/.exec(source)?.[1]?.replaceAll(/^ \* ?/gm, '')
  assert.ok(example !== undefined)
  const folder = await mkdtemp(path.join(tmpdir(), 'edgeward-example-'))
  try {
    await mkdir(path.join(folder, 'site'))
    await writeFile(path.join(folder, 'edgeward.config.ts'), example)
    const { config, baseFolder } = await loadConfig(undefined, { folder })
    const { problems, checked } = await checkConfig(config, baseFolder)
    assert.deepEqual(problems, [])
    assert.notEqual(checked, undefined)
  } finally {
    await rm(folder, { recursive: true })
  }
})
