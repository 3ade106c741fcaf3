/**
 * `npm run bench|soak|conformance [-- NAME [ARGUMENT…]]`: runs the file of that name, or lists what there is.
 * Fails when the file fails, and when its last line of output is not the `RESULT name=NAME key=value …` that
 * machines read.
 */
import { spawn } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { StringDecoder } from 'node:string_decoder'

const FOLDERS: Readonly<Record<string, string>> = {
  bench: 'bench',
  soak: 'test/soak',
  conformance: 'test/conformance',
}

const root = path.join(import.meta.dirname, '..')
const [kind = '', name, ...rest] = process.argv.slice(2)
const folder = FOLDERS[kind]

if (folder === undefined) fail(`'${kind}' is none of ${Object.keys(FOLDERS).join(', ')}`)
else if (name === undefined) list(folder)
else if (!namesIn(folder).includes(name))
  fail(`there is no ${folder}/${name}.ts; npm run ${kind} lists what there is`)
else await run(name, path.join(folder, `${name}.ts`))

function list(folder: string): void {
  const names = namesIn(folder)
  if (names.length === 0) console.log(`nothing in ${folder}/ yet`)
  const width = Math.max(0, ...names.map((each) => each.length))
  for (const each of names) {
    const source = readFileSync(path.join(root, folder, `${each}.ts`), 'utf8')
    console.log(`${each.padEnd(width)}  ${firstSentence(source)}`)
  }
}

function namesIn(folder: string): string[] {
  return globSync('*.ts', { cwd: path.join(root, folder) })
    .filter((file) => !file.endsWith('.test.ts'))
    .map((file) => path.basename(file, '.ts'))
    .sort()
}

/** The first sentence of the first doc comment, on one line. */
function firstSentence(source: string): string {
  const comment = /\/\*\*([\s\S]*?)\*\//.exec(source)?.[1] ?? ''
  const text = comment
    .replace(/^\s*\* ?/gm, '')
    .replace(/\s+/g, ' ')
    .trim()
  return /^.*?[.:](?=\s|$)/.exec(text)?.[0].replace(/:$/, '.') ?? text
}

async function run(name: string, file: string): Promise<void> {
  const child = spawn(process.execPath, [file, ...rest], { cwd: root, stdio: ['inherit', 'pipe', 'inherit'] })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))

  const decoder = new StringDecoder('utf8')
  let lastLine = ''
  let line = ''
  child.stdout.on('data', (chunk: Buffer) => {
    process.stdout.write(chunk)
    const lines = (line + decoder.write(chunk)).split('\n')
    line = lines.pop() ?? ''
    lastLine = lines.findLast((each) => each.trim() !== '') ?? lastLine
  })
  const code = await new Promise<number>((resolve) => {
    child.on('error', (error) => {
      console.error(`${process.execPath} did not start: ${error.message}`)
      resolve(1)
    })
    child.on('close', (exitCode) => resolve(exitCode ?? 1))
  })
  if (line.trim() !== '') lastLine = line

  if (code !== 0) fail(`${file} failed with exit code ${code}`)
  else if (!isResult(lastLine, name)) {
    fail(`the last line of ${file} must be 'RESULT name=${name} key=value …', but was '${lastLine}'`)
  }
}

function isResult(line: string, name: string): boolean {
  const [word, first, ...pairs] = line.split(' ')
  return word === 'RESULT' && first === `name=${name}` && pairs.every((pair) => /^[\w.-]+=\S+$/.test(pair))
}

function fail(message: string): void {
  console.error(message)
  process.exitCode = 1
}
