import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import sharp from 'sharp'
import { card } from '../../../test/support/pictures.ts'

interface Ran {
  readonly code: number
  readonly out: string
  readonly error: string
}

/** The command line as users start it. */
function edgeward(args: readonly string[], cwd: string): Promise<Ran> {
  const bin = join(import.meta.dirname, '../../../bin/edgeward.cjs')
  return new Promise((resolve) => {
    execFile(process.execPath, [bin, ...args], { cwd }, (error, out, text) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, error: text })
    })
  })
}

test('images try renders a file, writes the result and prints format, size, bytes and time', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-try-'))
  try {
    await writeFile(join(folder, 'card.png'), await card().png().toBuffer())
    await writeFile(join(folder, 'text.png'), 'text')
    const json = await edgeward(
      ['images', 'try', 'card.png', '{"resize":{"width":40},"toFormat":"webp"}'],
      folder,
    )
    assert.equal(json.code, 0, json.error)
    assert.match(json.out, /resize {"width":40} {2}\(JSON\)/)
    assert.match(json.out, /card\.try\.webp: webp, 40 x 30/)
    assert.match(json.out, /\d+ bytes, [\d.]+ % of the \d+ bytes of card\.png/)
    assert.match(json.out, /[\d.]+ ms \(\d+ ms with the start of the process\)/)
    assert.equal((await sharp(await readFile(join(folder, 'card.try.webp'))).metadata()).width, 40)
    const path = await edgeward(
      ['images', 'try', 'card.png', 'fit-in/20x20/filters:grayscale()', '-o', 'out.png'],
      folder,
    )
    assert.equal(path.code, 0, path.error)
    assert.equal((await sharp(await readFile(join(folder, 'out.png'))).metadata()).width, 20)
    const mistakes: readonly (readonly [args: readonly string[], code: number, says: RegExp])[] = [
      [['card.png', '{"resize":'], 2, /not valid JSON/],
      [['card.png', 'teleport/20x20'], 2, /'teleport\/20x20' is no option of a Thumbor path/],
      [['none.png', '{}'], 1, /none\.png cannot be read/],
      [['text.png', '{"flip":true}'], 1, /400 InstantiationError/],
      [['card.png', '{"blur":5000}'], 1, /500 ProcessingFailure: .*0\.3 and 1000/],
      [['card.png', '{"resize":{"width":0}}'], 1, /400 InvalidResizeException/],
    ]
    for (const [args, code, says] of mistakes) {
      const ran = await edgeward(['images', 'try', ...args], folder)
      assert.equal(ran.code, code, ran.error)
      assert.match(ran.error, says)
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})
