import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const EXECUTABLE = '/usr/bin/chromium'

/** A reason to skip tests that need a browser, or false. */
export const noBrowser: string | false = existsSync(EXECUTABLE)
  ? false
  : 'Chromium is not installed; npm run setup installs it'

/** Opens Chromium without a window; close it with `await using`. */
export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: EXECUTABLE,
    // Tests run in containers, often as root, and /dev/shm may be small there.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  })
}
