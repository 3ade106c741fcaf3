import { readFileSync } from 'node:fs'
import { createOriginVerifier, expressOriginVerify } from 'edgeward/origin-verify'
import express from 'express'

/** An Express application that only the edge can reach. `/try` reaches for both origins around the edge. */
export function createApp(acceptedFile: string, direct: Readonly<Record<string, () => string>>) {
  const app = express()
  app.disable('x-powered-by')
  const verifier = createOriginVerifier({ file: acceptedFile })
  // Before everything else: nobody gets past it without the header.
  app.use(expressOriginVerify(verifier))

  const page = readFileSync(new URL('page.html', import.meta.url), 'utf8')
  app.get('/', (_request, response) => {
    response.type('html').send(page)
  })
  app.get('/health', (_request, response) => {
    response.send('ok')
  })
  app.get('/try', async (_request, response) => {
    const tried = await Promise.all(
      Object.entries(direct).map(async ([name, url]) => {
        const answer = await fetch(url(), { headers: { 'x-origin-verify': 'a-guess-by-a-stranger' } })
        return { name, url: url(), status: answer.status, text: (await answer.text()).slice(0, 200) }
      }),
    )
    // Digests: whoever reads them learns that the value has changed, and not what it is.
    const accepted = JSON.parse(readFileSync(acceptedFile, 'utf8')) as { sha256: string[] }
    response.json({ tried, accepted: accepted.sha256 })
  })
  return { app, close: () => verifier.close() }
}
