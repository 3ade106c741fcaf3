import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import sharp from 'sharp'
import { card } from '../../test/support/pictures.ts'
import { createCli } from './cli.ts'

interface Ran {
  readonly code: number
  readonly out: string
  readonly error: string
}

async function edgeward(...argv: readonly string[]): Promise<Ran> {
  let out = ''
  let error = ''
  const cli = createCli({
    out: (line) => (out += `${line}\n`),
    error: (line) => (error += `${line}\n`),
    isTerminal: false,
  })
  const code = await cli.run([...argv])
  return { code, out, error }
}

class Folder implements AsyncDisposable {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  at(name: string): string {
    return join(this.path, name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true })
  }
}

async function folderWithCard(): Promise<Folder> {
  const folder = new Folder(await mkdtemp(join(tmpdir(), 'edgeward-try-')))
  await writeFile(folder.at('card.png'), await card().png().toBuffer())
  await writeFile(folder.at('text.png'), 'text')
  return folder
}

test('images try renders a file, writes the result and prints format, size, bytes and time', async () => {
  await using folder = await folderWithCard()
  const cases = [
    {
      edits: '{"resize":{"width":40},"toFormat":"webp"}',
      says: /resize {"width":40} {2}\(JSON\)/,
      width: 40,
    },
    { edits: 'fit-in/20x20/filters:grayscale()', says: /fit-in\/20x20\)/, width: 20 },
  ]
  for (const { edits, says, width } of cases) {
    const { code, out, error } = await edgeward(
      'images',
      'try',
      folder.at('card.png'),
      edits,
      '-o',
      folder.at('out'),
    )
    assert.equal(code, 0, error)
    assert.match(out, says)
    assert.match(out, new RegExp(`out: (webp|png), ${width} x ${(width / 4) * 3}\\n`))
    assert.match(out, /\d+ bytes, [\d.]+ % of the \d+ bytes of .*card\.png/)
    assert.match(out, /[\d.]+ ms \(\d+ ms with the start of the process\)/)
    assert.equal((await sharp(await readFile(folder.at('out'))).metadata()).width, width)
  }
})

const mistakes: readonly { file: string; edits: string; code: number; says: RegExp }[] = [
  { file: 'card.png', edits: '{"resize":', code: 2, says: /not valid JSON/ },
  {
    file: 'card.png',
    edits: 'teleport/20x20',
    code: 2,
    says: /'teleport\/20x20' is no option of a Thumbor path/,
  },
  { file: 'none.png', edits: '{}', code: 1, says: /none\.png cannot be read/ },
  { file: 'text.png', edits: '{"flip":true}', code: 1, says: /400 InstantiationError/ },
  { file: 'card.png', edits: '{"resize":{"width":0}}', code: 1, says: /400 InvalidResizeException/ },
]
for (const { file, edits, code, says } of mistakes) {
  test(`images try says what is wrong with ${file} and ${edits}`, async () => {
    await using folder = await folderWithCard()
    const ran = await edgeward('images', 'try', folder.at(file), edits)
    assert.equal(ran.code, code, ran.error)
    assert.match(ran.error, says)
  })
}
