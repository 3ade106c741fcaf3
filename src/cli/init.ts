import { access, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exitCodes, type ExitCode, type Output } from '../base/exit.ts'

const CONFIG = `import { defineEdge } from 'edgeward'

// Start:   edgeward start
// Check:   edgeward check            (every problem at once)
// Explain: edgeward explain http://localhost:8080/hello.txt
export default defineEdge({
  // Where viewers connect. More listeners may follow; tls: 'self-signed' is for development.
  listeners: [{ port: 8080 }],

  distributions: {
    main: {
      // aliases: ['www.example.org'],   // a single distribution answers to any host name
      defaultRootObject: 'index.html',

      // Where content comes from: a folder, a server, a bucket.
      origins: {
        site: { folder: './site' },
        // api: { url: 'http://127.0.0.1:3000' },
        // files: { bucket: 's3://my-bucket' },
      },

      // What matches no pattern below.
      // As on CloudFront, files are kept for a day unless they say otherwise: while you edit them, run
      // edgeward invalidate '/*', or set cachePolicy: 'CachingDisabled'.
      defaultBehavior: { origin: 'site', compress: true },

      // The first matching pattern wins; * crosses slashes, as on CloudFront.
      behaviors: [
        // { path: '/api/*', origin: 'api', allowedMethods: 'all',
        //   cachePolicy: 'CachingDisabled', originRequestPolicy: 'AllViewer' },
      ],

      // customErrorResponses: [{ errorCode: 404, responsePagePath: '/404.html', responseCode: 404 }],
    },
  },

  // One line per request on the terminal, and CloudFront's access log in a folder.
  log: { console: true, access: { folder: './.edgeward/log' } },
})
`

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>It works</title>
<h1>It works</h1>
<p>This page comes from the folder <code>site</code>, through your edge. The definition is <code>edgeward.config.ts</code>.</p>
`

/** `edgeward init [folder]`: writes a commented configuration that starts, and a page for it to serve. */
export async function init(folder: string, output: Output): Promise<ExitCode> {
  const files = [
    { path: join(folder, 'edgeward.config.ts'), text: CONFIG },
    { path: join(folder, 'site', 'index.html'), text: PAGE },
  ]
  const present = []
  for (const file of files) if (await exists(file.path)) present.push(file.path)
  if (present[0] !== undefined && present[0].endsWith('.ts')) {
    output.error(
      `${present[0]} is there already and was left alone. Remove it first, or run init in another folder.`,
    )
    return exitCodes.failed
  }
  await mkdir(join(folder, 'site'), { recursive: true })
  for (const file of files) {
    if (present.includes(file.path)) continue
    await writeFile(file.path, file.text, { flag: 'wx' })
    output.out(`wrote ${file.path}`)
  }
  output.out('')
  output.out('Start it:   edgeward start')
  return exitCodes.ok
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
