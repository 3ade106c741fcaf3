import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { noBrowser, openBrowser } from '../../test/support/browser.ts'

const RUN = fileURLToPath(new URL('run.ts', import.meta.url))
const PASSWORD = 'Correct-horse-1'

test(
  'in a browser a page with Amplify signs up and in through the edge, refreshes and signs out, and never sees the secret',
  { skip: noBrowser, timeout: 120_000 },
  async () => {
    const child = spawn(process.execPath, [RUN, '0'], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    const waiting: (() => void)[] = []
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        said += String(chunk)
        for (const look of waiting) look()
      })
    const exit = once(child, 'exit')
    const until = (pattern: RegExp) =>
      new Promise<string>((resolve, reject) => {
        const look = (): void => {
          const found = pattern.exec(said)
          if (found !== null) resolve(found[1]!)
        }
        waiting.push(look)
        look()
        exit.then(() => reject(new Error(`it ended: ${said}`)), reject)
      })
    try {
      const url = await until(/^edgeward listening on (\S+)$/m)
      await using browser = await openBrowser()
      const page = await browser.newPage()
      const seen: string[] = []
      page.on('request', (request) => void seen.push(`${request.url()} ${request.postData() ?? ''}`))
      await page.goto(url)
      const told = async (text: RegExp) => {
        await page.locator('#told').filter({ hasText: text }).waitFor({ timeout: 20_000 })
      }
      const fill = async (form: string, fields: Record<string, string>) => {
        for (const [name, value] of Object.entries(fields)) await page.fill(`${form} [name=${name}]`, value)
        await page.click(`${form} button`)
      }
      await fill('#sign-in', { username: 'ann', password: PASSWORD })
      await told(/NotAuthorizedException: Incorrect username or password/)
      await fill('#sign-up', { username: 'ann', email: 'ann@example.com', password: PASSWORD })
      await told(/ann has signed up/)
      await fill('#confirm', {
        code: await until(/the code of \\?"ann\\?" to confirm the sign-up is (\d{6})/),
      })
      await told(/ann is confirmed/)
      await fill('#sign-in', { username: 'ann', password: PASSWORD })
      await told(/Signed in as ann, ann@example\.com/)
      await page.click('#refresh')
      await told(/The tokens are new/)
      await page.click('#sign-out')
      await told(/Nobody is signed in/)
      const calls = seen.filter((line) => line.includes('/cognito/'))
      assert.ok(calls.length >= 8, calls.join('\n'))
      assert.ok(!/SECRET_HASH|SecretHash|ClientSecret/.test(seen.join('\n')))
    } finally {
      child.kill('SIGTERM')
      await exit
    }
  },
)
