import { fileURLToPath } from 'node:url'

const MAX_FRAME_LINES = 4

/**
 * What Node printed about an error that nobody caught, in one sentence with the user's file and line, and the source
 * line below it where Node shows it. `file` is the configuration, which messages call `name`; `evaluator` is the file that
 * imported it, which is of no interest to anyone.
 */
export function describeCrash(printed: string, file: string, name: string, evaluator: string): string {
  const lines = printed.replaceAll(/file:\/\/\/[^\s:)]+/g, pathOf).split('\n')
  const message = lines.find((line) => /^(?:Uncaught )?[A-Za-z]*Error\b[^:]*: /.test(line))
  if (message === undefined) {
    const text = withoutNoise(lines)
    return `${name} ended without giving a configuration${text === '' ? '; does it call process.exit()?' : `: ${text}`}`
  }
  // `TypeError [ERR_X]: …` says no more to a person than `TypeError: …`.
  const said = message.replace(/^(Uncaught )?(\w+) \[\w+\]: /, '$2: ')
  const frameAt = lines.findIndex((line) => /^(?:\/|[A-Za-z]:\\).*:\d+$/.test(line))
  if (frameAt !== -1) {
    const frame = lines.slice(frameAt + 1, frameAt + 1 + MAX_FRAME_LINES)
    const end = frame.findIndex((line) => line.trim() === '' || line === message)
    const shown = frame.slice(0, end === -1 ? MAX_FRAME_LINES : end).map((line) => `    ${line}`)
    return [`${placeIn(lines[frameAt]!, file, name)}: ${said}`, '', ...shown].join('\n')
  }
  const called = lines
    .map((line) => /^\s+at (?:.*\()?((?:\/|[A-Za-z]:\\).*:\d+):\d+\)?$/.exec(line)?.[1])
    .find((place) => place !== undefined && !place.startsWith(`${evaluator}:`))
  return `${called === undefined ? name : placeIn(called, file, name)}: ${said}`
}

function placeIn(place: string, file: string, name: string): string {
  return place.startsWith(`${file}:`) ? name + place.slice(file.length) : place
}

function pathOf(url: string): string {
  return URL.canParse(url) ? fileURLToPath(url) : url
}

/** What was thrown, without Node's own place, its advice and its version. */
function withoutNoise(lines: readonly string[]): string {
  const isNoise = (line: string) =>
    /^node:|^\s*\^*$|^\s+triggerUncaughtException|^\(Use `node|^Node\.js v/.test(line)
  return lines
    .filter((line) => !isNoise(line))
    .join('\n')
    .trim()
}
