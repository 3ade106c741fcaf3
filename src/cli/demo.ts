import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { exitCodes, type ExitCode, type Output } from '../base/exit.ts'
import { start } from './start.ts'

const FOLDER = fileURLToPath(new URL('../../examples/demo/', import.meta.url))

/** `edgeward demo`: starts the origins of examples/demo as processes of their own, then the edge before them. */
export async function demo(port: number, output: Output): Promise<ExitCode> {
  const children: ChildProcess[] = []
  try {
    for (const [name, variable] of [
      ['hotels', 'HOTELS_PORT'],
      ['cars', 'CARS_PORT'],
    ] as const) {
      const { child, port: originPort } = await startOrigin(`${FOLDER}origins/${name}.ts`)
      children.push(child)
      process.env[variable] = String(originPort)
    }
    return await start(
      { config: `${FOLDER}edgeward.config.ts`, port, watch: false },
      {
        ...output,
        out: (line) => {
          output.out(line)
          const url = /^edgeward listening on (\S+)$/.exec(line)?.[1]
          if (url !== undefined) output.out(invitation(url))
        },
      },
    )
  } catch (error) {
    output.error(error instanceof Error ? error.message : String(error))
    return exitCodes.failed
  } finally {
    for (const child of children) child.kill()
  }
}

async function startOrigin(file: string): Promise<{ child: ChildProcess; port: number }> {
  // A group of its own: Ctrl-C in the terminal must reach the edge first, which then drains.
  const child = spawn(process.execPath, [file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
    env: { ...process.env, PORT: '0' },
  })
  process.on('exit', () => child.kill())
  const lines = createInterface({ input: child.stdout! })
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the demo's origin ${file} ended before it listened`)
  })
  const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string]
  ended.catch(ignoreEnd)
  child.stdout!.resume()
  return { child, port: Number(line.split(' ').at(-1)) }
}

function ignoreEnd(): void {
  // The origin ends with the demo.
}

function invitation(url: string): string {
  return [
    '',
    '  One domain, three teams, none of which knows its prefix. Try:',
    '',
    `    ${url}/                      the shared home page`,
    `    ${url}/hotels/               a plain Node server (and /hotels/rooms: its redirect keeps the prefix)`,
    `    ${url}/pets/                 a folder of static files`,
    `    ${url}/cars/                 a server that streams`,
    `    curl -N ${url}/cars/live     server-sent events`,
    `    curl ${url}/api/bookings -d '{"hotel":1}'`,
    `    ${url.replace('http', 'ws')}/cars/echo            a WebSocket that echoes`,
    '',
    '  One line per request follows; Ctrl-C drains and stops.',
    '',
  ].join('\n')
}
