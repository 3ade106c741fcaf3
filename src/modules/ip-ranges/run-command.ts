import { spawn } from 'node:child_process'

const TIMEOUT_MS = 60_000

/** Runs a command, word by word and without a shell; gives what it printed. Rejects with what it complained of. */
export async function runCommand(command: readonly string[], input = ''): Promise<string> {
  const [file, ...args] = command
  const child = spawn(file!, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: TIMEOUT_MS })
  let printed = ''
  let complained = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complained += text))
  // A command that ends without reading is told of by its exit code.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  return await new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new Error(`"${command.join(' ')}" cannot run: ${error.message}`)))
    child.on('close', (code) => {
      if (code === 0) resolve(printed)
      else reject(new Error(`"${command.join(' ')}" failed: ${complained.trim() || `exit code ${code}`}`))
    })
  })
}
