import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { type Clock, systemClock } from '../base/clock.ts'
import { Body } from '../http/body.ts'
import { HeaderList } from '../http/header-list.ts'
import type { FolderOrigin } from '../plan.ts'
import type { EdgeResponse } from '../visit.ts'
import { createFolderOrigin } from './folder.ts'

/** For the tests of folder origins: a site on disk with everything that may go wrong in it. */

export const NOW = Date.UTC(2026, 10, 24, 12)
export const MODIFIED = Date.UTC(2026, 9, 1, 8, 30)
export const MODIFIED_TEXT = 'Thu, 01 Oct 2026 08:30:00 GMT'
export const BIG = 300_000
export const bigText = Array.from({ length: BIG / 10 }, (_, i) => String(i).padStart(10, '.')).join('')

/** Why a test that counts open files is skipped, or false. */
export const noProc = process.platform === 'linux' ? false : 'there is no /proc to count open files in'

export interface Ask {
  readonly method?: string
  readonly query?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly indexFiles?: readonly string[]
  readonly folder?: string
}

/** A site of its own in the temporary folder, asked through an origin whose clock stands at NOW. */
export class Site {
  readonly base = realpathSync(mkdtempSync(path.join(tmpdir(), 'folder-origin-')))
  readonly folder = path.join(this.base, 'site')
  readonly #origin: ReturnType<typeof createFolderOrigin>

  constructor() {
    const clock: Clock = { ...systemClock, now: () => NOW }
    this.#origin = createFolderOrigin({ clock })
    for (const folder of ['dir/deep', 'empty', '.git', '.well-known', 'two', 'a:b']) {
      mkdirSync(path.join(this.folder, folder), { recursive: true })
    }
    mkdirSync(path.join(this.base, 'site-private'))
    this.put('index.html', '<h1>home</h1>')
    this.put('dir/index.html', '<h1>dir</h1>')
    this.put('two/default.htm', 'second index')
    this.put('a:b/index.html', 'colon')
    this.put('hello.txt', '0123456789')
    this.put('empty.txt', '')
    this.put('no-ending', 'x')
    this.put('a b+c%d.txt', 'odd')
    this.put('été.txt', 'summer')
    this.put('edge.bin', 'e'.repeat(65_536))
    this.put('big.bin', bigText)
    this.put('.git/config', 'secret')
    this.put('.env', 'secret')
    this.put('.well-known/security.txt', 'contact')
    this.put('../secret.txt', 'secret')
    this.put('../site-private/secret.txt', 'secret')
    this.link('inside.txt', 'hello.txt')
    this.link('inside-dir', 'dir')
    this.link('absolute-inside.txt', path.join(this.folder, 'hello.txt'))
    this.link('outside.txt', '../secret.txt')
    this.link('outside-dir', '..')
    this.link('sibling', '../site-private')
    this.link('passwd', '/etc/passwd')
    this.link('device', '/dev/zero')
    this.link('dangling', 'nowhere')
    this.link('loop', 'loop')
    this.link('empty/index.html', '../../secret.txt')
    execFileSync('mkfifo', [this.file('pipe')])
  }

  file(name: string): string {
    return path.join(this.folder, name)
  }

  put(name: string, content: string): void {
    writeFileSync(this.file(name), content)
    utimesSync(this.file(name), MODIFIED / 1000, MODIFIED / 1000)
  }

  link(name: string, target: string): void {
    symlinkSync(target, this.file(name))
  }

  remove(): void {
    rmSync(this.base, { recursive: true, force: true })
  }

  ask(asked: string, how: Ask = {}): Promise<EdgeResponse> {
    const origin = originOf(how.folder ?? this.folder, how.indexFiles ?? ['index.html'])
    const request = {
      method: how.method ?? 'GET',
      path: asked,
      query: how.query,
      headers: HeaderList.of(how.headers ?? {}),
      body: Body.none(),
      origin,
      isUpgrade: false,
    }
    return this.#origin.send(request, origin)
  }

  /** `fields` with the word ETAG replaced by the tag of a file. */
  async withTag(
    asked: string,
    fields: Readonly<Record<string, string>>,
  ): Promise<{ etag: string; headers: Record<string, string> }> {
    const etag = (await this.ask(asked, { method: 'HEAD' })).headers.get('etag')!
    const headers: Record<string, string> = {}
    for (const name in fields) headers[name] = fields[name]!.replace('ETAG', etag)
    return { etag, headers }
  }

  /** What this process holds open inside this site. */
  openFiles(): string[] {
    return readdirSync('/proc/self/fd')
      .map((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`)
        } catch {
          // The descriptor with which the list was read is gone by now.
          return ''
        }
      })
      .filter((name) => name.startsWith(this.base))
  }
}

export async function readBody(response: EdgeResponse): Promise<string> {
  const taken = response.body.take()
  return Buffer.isBuffer(taken) ? taken.toString() : text(taken)
}

function originOf(folder: string, indexFiles: readonly string[]): FolderOrigin {
  return {
    kind: 'folder',
    name: 'site',
    domainName: 'site.folder.localhost',
    originPath: '',
    connectionAttempts: 3,
    connectTimeoutMs: 1000,
    readTimeoutMs: 1000,
    responseCompletionTimeoutMs: undefined,
    keepaliveTimeoutMs: 1000,
    customHeaders: [],
    modules: {},
    folder,
    indexFiles,
  }
}
