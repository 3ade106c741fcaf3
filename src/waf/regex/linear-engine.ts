import { setFlagsFromString } from 'node:v8'

/**
 * Switches on V8's linear-time regex engine: the flag `l`, and the change to it after 1,000 backtracks. Call it as
 * the very first thing of the process, before any regex is made; patterns compiled without it use the engine of this
 * folder instead, which is linear too and slower.
 */
export function enableLinearEngine(): void {
  setFlagsFromString('--enable-experimental-regexp-engine')
  setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks')
  setFlagsFromString('--regexp-backtracks-before-fallback=1000')
}

/** A RegExp that V8 runs in linear time, or undefined where the flag is off or the pattern is not of that kind. */
export function linearRegExp(source: string): RegExp | undefined {
  try {
    // eslint-disable-next-line no-invalid-regexp -- V8 has this flag where enableLinearEngine was called
    return new RegExp(source, 'l')
  } catch (error) {
    // The constructor is the only way to ask, and it answers with SyntaxError.
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
