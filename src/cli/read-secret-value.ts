import { text } from 'node:stream/consumers'
import type { Output } from '../base/exit.ts'

/**
 * A secret value from standard input: never from the command line, where other users see it and the shell keeps it.
 * One line break at its end is not part of it. At a terminal it is asked for, and not shown while it is typed.
 */
export async function readSecretValue(prompt: string, output: Output): Promise<string> {
  const { stdin } = process
  if (!stdin.isTTY) return (await text(stdin)).replace(/\r?\n$/, '')
  output.error(prompt.trimEnd())
  stdin.setRawMode(true)
  try {
    let value = ''
    for await (const chunk of stdin as AsyncIterable<Buffer>) {
      for (const character of chunk.toString('utf8')) {
        if (character === '\r' || character === '\n' || character === '\u0004') return value
        if (character === '\u0003') return ''
        if (character === '\u007f' || character === '\b') value = value.slice(0, -1)
        else value += character
      }
    }
    return value
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
  }
}
