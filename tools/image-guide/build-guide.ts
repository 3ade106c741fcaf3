import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import sharp from 'sharp'
import { startEdge } from '../../bench/support/edge.ts'
import { temporaryFolder } from '../../bench/support/server-process.ts'
import { kindOfEdit } from '../../src/modules/images/engine/edits.ts'
import { type Example, POLICIES, type Section } from './examples.ts'
import { FACE, writeSourcePictures } from './source-pictures.ts'

export interface Guide {
  /** Markdown of `docs/guide/image-operations.md`. */
  readonly page: string
  /** What it shows, by the name of the file in `docs/guide/images/`. */
  readonly pictures: ReadonlyMap<string, Buffer>
}

/** What an example gave. */
interface Made {
  readonly example: Example
  /** As sharp calls it; `json` for what describes a picture. */
  readonly format: string
  readonly bytes: Buffer
}

const ORIGINAL = 'garden.jpg'
/** What a browser shows, by what the bytes are: with an edit such as `heif` the type says something else, as in version 7. */
const SHOWN: Readonly<Record<string, string>> = {
  jpeg: 'jpg',
  png: 'png',
  webp: 'webp',
  gif: 'gif',
  heif: 'avif',
}

/**
 * Asks a running edge for every example and gives the page that shows them. Rejects with a sentence for each example that is not
 * answered with a picture, or that changes nothing: what the edge passes over is not an example.
 */
export async function buildGuide(sections: readonly Section[]): Promise<Guide> {
  using folder = temporaryFolder('image-guide')
  const photos = path.join(folder.path, 'photos')
  mkdirSync(photos)
  await writeSourcePictures(photos)
  await using detector = await startDetector()
  const examples = sections.flatMap((section) => section.examples)
  await using edge = await startEdge((log) => configFor(photos, log, detector.url, examples))
  const made = new Map<Example, Made>()
  const wrong: string[] = []
  for (const example of examples) {
    try {
      made.set(example, await make(example, edge.url, photos))
    } catch (error) {
      wrong.push(`${example.shows.join(', ')} (${JSON.stringify(example.ask)}): ${(error as Error).message}`)
    }
  }
  if (wrong.length > 0) throw new Error(`examples of the guide are invalid:\n${wrong.join('\n')}`)

  const pictures = new Map<string, Buffer>()
  for (const name of new Set([ORIGINAL, ...examples.flatMap(({ of }) => of ?? [])]))
    pictures.set(`original-${name}`, readFileSync(path.join(photos, name)))
  const page = pageOf(sections, (example) => cellOf(made.get(example)!, pictures))
  return { page, pictures }
}

async function make(example: Example, url: string, photos: string): Promise<Made> {
  const { ask, of = ORIGINAL, shows } = example
  const unknown =
    'edits' in ask ? Object.keys(ask.edits).filter((name) => kindOfEdit(name) === undefined) : []
  if (unknown.length > 0) throw new Error(`there is no edit ${unknown.join(', ')}`)
  const headers = 'dit' in ask ? ask.headers : undefined
  const got = await answer(url + targetOf(example), headers)
  const original = readFileSync(path.join(photos, of))
  if (got.bytes.equals(original)) throw new Error('the answer is the original: nothing was done')
  for (const other of shows.slice(1)) {
    if (!('edits' in ask)) break
    const edits = { [other]: ask.edits[shows[0]!] }
    const same = await answer(url + targetOf({ ...example, ask: { edits } }), headers)
    if (!same.bytes.equals(got.bytes)) throw new Error(`${other} is not the same as ${shows[0]}`)
  }
  const format = got.type === 'application/json' ? 'json' : (await sharp(got.bytes).metadata()).format
  return { example, bytes: got.bytes, format }
}

async function answer(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly type: string; readonly bytes: Buffer }> {
  const response = await fetch(url, { headers: { accept: '*/*', ...headers } })
  const bytes = Buffer.from(await response.arrayBuffer())
  const type = response.headers.get('content-type') ?? ''
  if (response.status !== 200) throw new Error(`${response.status}: ${bytes.toString('utf8', 0, 300)}`)
  return { type, bytes }
}

/** The path and query of an example, under the behavior of its dialect. */
function targetOf({ ask, of = ORIGINAL }: Example): string {
  if ('edits' in ask) {
    const request = JSON.stringify({ key: of, edits: ask.edits })
    return `/sih/${Buffer.from(request).toString('base64')}`
  }
  if ('path' in ask) return `/sih${ask.path}/${of}`
  return 'edge' in ask ? `/edge/${of}?${ask.edge}` : `/dit/${of}?${ask.dit}`
}

function configFor(photos: string, log: string, detectorUrl: string, examples: readonly Example[]) {
  const presets = examples.flatMap(({ ask }, index) => ('edge' in ask ? [[`p${index}`, ask.edge]] : []))
  const common = {
    sources: { photos: { origin: 'photos' }, logos: { origin: 'photos' } },
    detector: { url: detectorUrl },
  }
  const behavior = (dialect: string, more: Readonly<Record<string, unknown>>) => ({
    path: `/${dialect}/*`,
    stripPrefix: `/${dialect}`,
    origin: 'photos',
    images: { dialect, ...common, ...more },
  })
  return {
    listeners: [{ port: 0, host: '127.0.0.1' }],
    distributions: {
      guide: {
        origins: { photos: { folder: photos } },
        behaviors: [
          behavior('sih', {}),
          behavior('edge', { presets: Object.fromEntries(presets) as Readonly<Record<string, string>> }),
          behavior('dit', { policies: POLICIES }),
        ],
        defaultBehavior: { origin: 'photos' },
      },
    },
    admin: false,
    log: { access: { folder: log } },
  }
}

/** In the form of Amazon Rekognition: one face, and one label that every picture gets. */
async function startDetector(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    const isFaces = String(request.headers['x-amz-target']).endsWith('.DetectFaces')
    request.resume().on('end', () => {
      response.setHeader('Content-Type', 'application/x-amz-json-1.1')
      response.end(
        JSON.stringify(
          isFaces
            ? { FaceDetails: [{ BoundingBox: FACE }] }
            : { ModerationLabels: [{ Name: 'Gardening', ParentName: '', Confidence: 99 }] },
        ),
      )
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

/** A picture as the page shows it; equal ones are one file. What no browser shows is told by its type and size. */
function cellOf({ example, format, bytes }: Made, pictures: Map<string, Buffer>): string {
  const size = `${bytes.length.toLocaleString('en')} bytes`
  if (format === 'json') return `\`${bytes.toString('utf8').slice(0, 120)}…\``
  const ending = SHOWN[format]
  if (ending === undefined) return `${format}, ${size}`
  // Named by what is asked, so that another version of an encoder changes pictures and not names.
  const title = example.shows[0]!.replace(/\W+/g, ' ').trim().replaceAll(' ', '-').toLowerCase()
  const known = [...pictures].find(([, other]) => other.equals(bytes))?.[0]
  const name =
    known ?? `${title}-${createHash('sha256').update(targetOf(example)).digest('hex').slice(0, 8)}.${ending}`
  pictures.set(name, bytes)
  return `![${example.what}](images/${name})<br>${format === 'heif' ? 'avif' : format}, ${size}`
}

function pageOf(sections: readonly Section[], cell: (example: Example) => string): string {
  const tables = sections.map(
    ({ title, text, examples }) => `## ${title}

${text}

| | asked | result |
|---|---|---|
${examples.map((example) => `| ${example.shows.map((name) => `\`${name}\``).join(', ')}: ${example.what} | ${askedOf(example)} | ${cell(example)} |`).join('\n')}
`,
  )
  const originals = [...new Set(sections.flatMap(({ examples }) => examples.flatMap(({ of }) => of ?? [])))]
  return `# Image operations

Every operation of [images on the fly](images.md), as a running edge answers it. This page and its pictures are made by
\`node tools/write-image-guide.ts\`, which asks an edge for each of them; a test does so again, and an example that is not
answered, or changes nothing, fails it.

The original, \`${ORIGINAL}\` unless another one is named:

![the original](images/original-${ORIGINAL})

The others: ${originals.map((name) => `\`${name}\` ![${name}](images/original-${name})`).join(' ')}

${tables.join('\n')}`
}

/** What stands in the request, short: the key is left out where it is the garden's. */
function askedOf({ ask, of }: Example): string {
  const text =
    'edits' in ask
      ? JSON.stringify(ask.edits)
      : 'path' in ask
        ? ask.path
        : `?${'edge' in ask ? ask.edge : ask.dit}`
  return `\`${text.replaceAll('|', '\\|')}\`${of === undefined ? '' : `<br>of \`${of}\``}`
}
