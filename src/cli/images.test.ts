import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import sharp from 'sharp'
import { card, scene } from '../../test/support/pictures.ts'
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

test('images optimise makes two sizes and a description of every picture, says what is saved, and goes on where it was', async () => {
  await using folder = await folderWithCard()
  await mkdir(folder.at('deep/.hidden'), { recursive: true })
  const large = await scene(800, 600).png().toBuffer()
  await writeFile(folder.at('deep/scene.png'), large)
  await writeFile(folder.at('deep/scene.jpg'), await scene(800, 600).jpeg().toBuffer())
  await writeFile(folder.at('deep/.hidden/card.png'), large)
  await writeFile(folder.at('deep/notes.txt'), 'text')
  const out = folder.at('results')
  const run = () => edgeward('images', 'optimise', folder.path, '-o', out)
  const first = await run()
  // text.png is no picture.
  assert.equal(first.code, 1)
  assert.match(first.error, /text\.png: InstantiationError/)
  assert.match(first.out, /3 of 4 pictures, 0 of them done before/)
  assert.match(
    first.out,
    /originals .*\n {2}tile avif .* % less\n {2}tile jpeg .* % less\n {2}scaled avif .* % less\n {2}scaled jpeg .* % less/,
  )
  const names = await readdir(out, { recursive: true })
  assert.deepEqual(names.sort(), [
    'card-meta.json',
    'card-scaled.avif',
    'card-scaled.jpg',
    'card-tile.avif',
    'card-tile.jpg',
    'deep',
    'deep/scene-meta.json',
    'deep/scene-scaled.avif',
    'deep/scene-scaled.jpg',
    'deep/scene-tile.avif',
    'deep/scene-tile.jpg',
    'deep/scene.png-meta.json',
    'deep/scene.png-scaled.avif',
    'deep/scene.png-scaled.jpg',
    'deep/scene.png-tile.avif',
    'deep/scene.png-tile.jpg',
  ])
  const sizeOf = async (name: string) => {
    const { format, width, height } = await sharp(await readFile(join(out, name))).metadata()
    return [format, width, height]
  }
  assert.deepEqual(await sizeOf('deep/scene.png-tile.jpg'), ['jpeg', 400, 400])
  assert.deepEqual(await sizeOf('deep/scene.png-scaled.jpg'), ['jpeg', 600, 450])
  assert.deepEqual(await sizeOf('card-scaled.jpg'), ['jpeg', 80, 60])
  const meta = JSON.parse(await readFile(join(out, 'deep/scene.png-meta.json'), 'utf8')) as {
    source: { bytes: number }
    derivatives: { name: string; format: string; width: number }[]
    description: { width: number; blurhash: string }
  }
  assert.equal(meta.source.bytes, large.length)
  assert.deepEqual(
    meta.derivatives.map(({ name, format, width }) => `${name} ${format} ${width}`),
    ['tile avif 400', 'tile jpeg 400', 'scaled avif 600', 'scaled jpeg 600'],
  )
  assert.deepEqual([meta.description.width, meta.description.blurhash.length > 6], [800, true])

  // A result that is gone, and a run that was broken off before its last word, are made good; the rest is kept.
  await rm(join(out, 'card-tile.jpg'))
  await rm(join(out, 'deep/scene-meta.json'))
  assert.match((await run()).out, /3 of 4 pictures, 1 of them done before/)
  assert.deepEqual((await readdir(out, { recursive: true })).sort(), names)
  await writeFile(folder.at('card.png'), large)
  assert.match((await run()).out, /2 of them done before/)
  assert.deepEqual(await sizeOf('card-scaled.jpg'), ['jpeg', 600, 450])
  const sized = await edgeward(
    'images',
    'optimise',
    folder.at('deep'),
    '-o',
    out,
    '-f',
    'webp',
    '-s',
    'hero=100x',
    'icon=16x16',
  )
  assert.equal(sized.code, 0, sized.error)
  assert.deepEqual(await sizeOf('scene.png-hero.webp'), ['webp', 100, 75])
  assert.deepEqual(await sizeOf('scene-icon.webp'), ['webp', 16, 16])
})

test('images optimise tells EXIF where it is asked to, and removes what was made of originals that are gone', async () => {
  await using folder = await folderWithCard()
  const out = folder.at('results')
  const IFD3 = {
    GPSLatitudeRef: 'N',
    GPSLatitude: '52/1 0/1 0/1',
    GPSLongitudeRef: 'E',
    GPSLongitude: '13/1 0/1 0/1',
  }
  const picture = await scene(200, 100)
    .withExif({ IFD0: { Model: 'Snap 3' }, IFD3 })
    .jpeg()
    .toBuffer()
  await rm(folder.at('text.png'))
  for (const name of ['phone.jpg', 'gone.jpg']) await writeFile(folder.at(name), picture)
  const run = (...more: readonly string[]) =>
    edgeward('images', 'optimise', folder.path, '-o', out, '-f', 'jpeg', '-s', 'tile=16x16', ...more)
  const exif = async () => readFile(join(out, 'phone-exif.json'), 'utf8')
  const first = await run('--exif')
  assert.equal(first.code, 0, first.error)
  assert.match(first.out, /3 of 3 pictures.*\n.*tile jpeg .*less\n {2}exif json +\d+ bytes\s*$/s)
  assert.match(await exif(), /"Model": "Snap 3"/)
  assert.doesNotMatch(await exif(), /latitude|GPS/)
  await run('--exif', 'all')
  assert.match(await exif(), /"latitude": 52/)
  await rm(folder.at('gone.jpg'))
  assert.doesNotMatch((await run('--exif')).out, /removed/)
  assert.doesNotMatch(await exif(), /latitude/)
  const last = await run('--exif', '--deleted', 'remove')
  assert.equal(last.code, 0, last.error)
  assert.match(last.out, /2 of 2 pictures, 2 of them done before\n1 removed with their originals\n/)
  assert.deepEqual((await readdir(out)).sort(), [
    'card-meta.json',
    'card-tile.jpg',
    'phone-exif.json',
    'phone-meta.json',
    'phone-tile.jpg',
  ])
})

test('images optimise says what is wrong with its arguments', async () => {
  await using folder = await folderWithCard()
  const table = [
    { argv: [folder.at('none')], code: 1, says: /none is no folder/ },
    { argv: [folder.path, '-f', 'bmp'], code: 2, says: /'bmp' is none of avif, webp, jpeg/ },
    { argv: [folder.path, '-s', 'hero'], code: 2, says: /'hero' is no size: NAME=WIDTHxHEIGHT/ },
    { argv: ['--exif', folder.path], code: 2, says: /--exif.* is invalid.*behind the folder, or --exif=all/ },
    { argv: [folder.path, '--deleted', 'yes'], code: 2, says: /'yes' is no way .*: keep or remove/ },
    { argv: [folder.path, '-s', 'hero=0x'], code: 2, says: /'hero=0x' is no size/ },
  ]
  for (const { argv, code, says } of table) {
    const ran = await edgeward('images', 'optimise', ...argv)
    assert.equal(ran.code, code, ran.error)
    assert.match(ran.error, says)
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
