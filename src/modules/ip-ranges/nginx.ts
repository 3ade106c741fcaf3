import { mkdir, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { replaceFile } from '../../seams/replace-file.ts'
import { systemCode } from '../../seams/seam-error.ts'
import { runCommand } from './run-command.ts'
import { counted, difference, type Step, type Target } from './target.ts'

/** The file is read by nginx's master, and by whoever wants to see it. */
const MODE = 0o644
const ALLOW = /^allow ([0-9a-f.:/]+);$/gm

export interface NginxConfig {
  /** A file to include in `http`, `server` or `location`. */
  readonly file: string
  /** Whether everything else is denied in the same file. */
  readonly deny: boolean
  readonly reload?: readonly string[] | undefined
}

/** The `allow` list of nginx (ngx_http_access_module): a file replaced in one step, then a reload. */
export function createNginx({ file, deny, reload }: NginxConfig): Target {
  return {
    name: `nginx allow list ${file}`,
    async plan(wanted) {
      const before = await textOf(file)
      const after = `${[
        '# Kept by edgeward ip-ranges; changes made here are lost.',
        ...wanted.map(({ text }) => `allow ${text};`),
        ...(deny ? ['deny all;'] : []),
      ].join('\n')}\n`
      const have = [...(before?.text ?? '').matchAll(ALLOW)].map(([, text]) => text!)
      const { add, remove } = difference(have, wanted)
      const steps: Step[] = []
      if (before?.text !== after) {
        steps.push({
          says: `write ${counted(wanted.length, 'range')} to ${file}`,
          async run() {
            await mkdir(dirname(file), { recursive: true })
            await replaceFile(file, after, before?.mode ?? MODE)
          },
        })
      }
      // The mark is made when nginx was told: a crash between the two steps leaves it behind the file.
      const mark = `${file}.loaded`
      if (reload !== undefined && (steps.length > 0 || (await textOf(mark))?.text !== after)) {
        steps.push({
          says: `reload: ${reload.join(' ')}`,
          async run() {
            await runCommand(reload)
            await replaceFile(mark, after, MODE)
          },
        })
      }
      return { add, remove, steps }
    },
    close: () => {},
  }
}

async function textOf(file: string): Promise<{ readonly text: string; readonly mode: number } | undefined> {
  try {
    const { mode } = await stat(file)
    return { text: await readFile(file, 'utf8'), mode: mode & 0o777 }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}
