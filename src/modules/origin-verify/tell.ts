import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { digestOf, writeAccepted } from './accepted.ts'
import type { TellConfig } from './config.ts'
import { type SnippetServer, writeSnippet } from './snippets.ts'
import { type AclRule, originVerifyRule, unverifiedStatement, withOriginVerifyRule } from './web-acl-rule.ts'

const RELOAD_TIMEOUT_MS = 30_000
/** Digests may be read by the user of the origin; values only by who reads them as root, or is given them. */
const DIGESTS_MODE = 0o644
const VALUES_MODE = 0o600

/** What is told: the values to accept, and the one to send. */
export interface News {
  readonly header: string
  readonly accepted: readonly string[]
  readonly send: string
}

/** Tells one who checks, or another edge that sends. Resolves when it was taken; may be repeated without harm. */
export type Tell = (news: News) => Promise<void>

/** How the one of a configuration is told. AWS clients are loaded when they are needed. */
export function createTell(config: TellConfig): Tell {
  if ('file' in config) {
    return ({ header, accepted }) =>
      replace(config.file, writeAccepted({ header, sha256: accepted.map(digestOf) }), DIGESTS_MODE)
  }
  if ('nginx' in config) return tellServer('nginx', config.nginx, config.reload)
  if ('apache' in config) return tellServer('apache', config.apache, config.reload)
  if ('webAclFile' in config) return tellAclFile(config.webAclFile, config.rule)
  if ('awsWebAcl' in config) {
    return async (news) => {
      const { tellAwsWebAcl } = await import('./aws-web-acl.ts')
      await tellAwsWebAcl(config.awsWebAcl, config.rule, news)
    }
  }
  return async (news) => {
    const { tellCloudFront } = await import('./aws-cloudfront.ts')
    await tellCloudFront(config.cloudFront, news)
  }
}

/** True for an edge that is told what to send: it learns last, and first when things are taken back. */
export function isSender(config: TellConfig): boolean {
  return 'cloudFront' in config
}

function tellServer(server: SnippetServer, file: string, reload: readonly string[] | undefined): Tell {
  return async ({ header, accepted }) => {
    await replace(file, writeSnippet(server, header, accepted), VALUES_MODE)
    // Also where the text was the same: a crash may have come between writing and reloading.
    if (reload !== undefined) await run(reload)
  }
}

function tellAclFile(file: string, rule: string): Tell {
  return async ({ header, accepted }) => {
    const acl = parseAcl(file, await readFile(file, 'utf8'))
    const statement = unverifiedStatement(header, accepted, (value) => value)
    const rules = withOriginVerifyRule(acl.Rules, rule, statement, (priority) =>
      originVerifyRule(rule, priority, statement),
    )
    await replace(file, `${JSON.stringify({ ...acl, Rules: rules }, undefined, 2)}\n`)
  }
}

function parseAcl(file: string, text: string): { Rules: readonly AclRule[] } {
  let acl: unknown
  try {
    acl = JSON.parse(text)
  } catch (error) {
    throw new Error(`the web ACL ${file} is not JSON`, { cause: error })
  }
  if (typeof acl !== 'object' || acl === null || !('Rules' in acl) || !Array.isArray(acl.Rules)) {
    throw new Error(`the web ACL ${file} has no list of Rules`)
  }
  // Only names, priorities and the statement of our own rule are looked at.
  return { ...acl, Rules: acl.Rules as AclRule[] }
}

/** Puts a text in the place of a file in one step, unless it is there already. The mode of a file that is there stays. */
async function replace(file: string, text: string, newMode = VALUES_MODE): Promise<void> {
  const before = await readIfThere(file)
  if (before?.text === text) return
  await mkdir(dirname(file), { recursive: true })
  const written = `${file}.${randomBytes(4).toString('hex')}.new`
  try {
    const handle = await open(written, 'wx', newMode)
    try {
      // `open` takes the umask off, and the owner and mode that somebody gave the file are kept.
      await handle.chmod(before?.mode ?? newMode)
      if (before !== undefined && process.getuid?.() === 0) await handle.chown(before.uid, before.gid)
      await handle.writeFile(text)
    } finally {
      await handle.close()
    }
    await rename(written, file)
  } finally {
    await rm(written, { force: true })
  }
}

async function readIfThere(file: string) {
  try {
    const { mode, uid, gid } = await stat(file)
    return { text: await readFile(file, 'utf8'), mode: mode & 0o777, uid, gid }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function run(command: readonly string[]): Promise<void> {
  const [file, ...args] = command
  return new Promise((resolve, reject) => {
    execFile(file!, args, { timeout: RELOAD_TIMEOUT_MS }, (error, _stdout, stderr) => {
      if (error === null) resolve()
      else
        reject(
          new Error(`"${command.join(' ')}" failed: ${stderr.trim().split('\n').at(-1) || error.message}`),
        )
    })
  })
}
