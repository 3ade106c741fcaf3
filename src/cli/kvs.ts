import { readFile } from 'node:fs/promises'
import { exitCodes, type ExitCode, type Output } from '../base/exit.ts'
import { readImportFile, writeImportFile } from '../functions/key-value-store/import-file.ts'
import { keyValueLimits } from '../functions/key-value-store/limits.ts'
import { type AdminClient, type AdminReply, errorOf, openAdminClient } from './admin-client.ts'

export interface KvsOptions {
  readonly config?: string | undefined
  /** ETag the store must still have; without it, the one it has when asked. */
  readonly ifMatch?: string | undefined
}

interface Description {
  readonly name: string
  readonly keyCount: number
  readonly bytes: number
  readonly etag: string
  readonly lastUpdatedDateTime: string
}

interface Page {
  readonly etag: string
  readonly items: readonly { readonly key: string; readonly value: string }[]
  readonly next?: string
}

/** What is asked of the key-value stores of a running edge. */
export type KvsCommand =
  | { readonly kind: 'list' }
  | { readonly kind: 'keys' | 'export'; readonly store: string }
  | { readonly kind: 'get' | 'delete'; readonly store: string; readonly key: string }
  | { readonly kind: 'put'; readonly store: string; readonly key: string; readonly value: string }
  | { readonly kind: 'import'; readonly store: string; readonly file: string }

/** `edgeward kvs …`: reads and changes key-value stores of the edge that runs. */
export async function kvs(command: KvsCommand, options: KvsOptions, output: Output): Promise<ExitCode> {
  const client = await openAdminClient(options.config, output)
  if (client === undefined) return exitCodes.badConfig
  const reply = await run(command, options, client, output)
  if (reply === undefined || (reply.status >= 200 && reply.status < 300)) return exitCodes.ok
  output.error(errorOf(reply))
  return exitCodes.failed
}

/** Gives the answer that was not as hoped; undefined when all is done. */
async function run(
  command: KvsCommand,
  options: KvsOptions,
  client: AdminClient,
  output: Output,
): Promise<AdminReply | undefined> {
  if (command.kind === 'list') {
    const reply = await client.ask('GET', '/key-value-stores')
    if (reply.status !== 200) return reply
    for (const each of reply.body as Description[])
      output.out(
        `${each.name}  ${each.keyCount} keys, ${each.bytes} bytes, ${each.etag}, changed ${each.lastUpdatedDateTime}`,
      )
    return undefined
  }
  const base = `/key-value-stores/${encodeURIComponent(command.store)}`
  switch (command.kind) {
    case 'keys':
    case 'export': {
      const items = await allKeys(client, base)
      if (!Array.isArray(items)) return items
      if (command.kind === 'keys') for (const { key, value } of items) output.out(`${key}\t${value}`)
      else output.out(writeImportFile(new Map(items.map(({ key, value }) => [key, value]))).trimEnd())
      return undefined
    }
    case 'get': {
      const reply = await client.ask('GET', `${base}/keys/${encodeURIComponent(command.key)}`)
      if (reply.status !== 200) return reply
      output.out((reply.body as { readonly value: string }).value)
      return undefined
    }
    case 'put':
      return change(
        client,
        base,
        options,
        `/keys/${encodeURIComponent(command.key)}`,
        'PUT',
        { value: command.value },
        output,
      )
    case 'delete':
      return change(
        client,
        base,
        options,
        `/keys/${encodeURIComponent(command.key)}`,
        'DELETE',
        undefined,
        output,
      )
    case 'import':
      return importFile(client, base, options, command.file, output)
  }
}

async function allKeys(client: AdminClient, base: string): Promise<Page['items'][number][] | AdminReply> {
  const items: Page['items'][number][] = []
  let after: string | undefined
  do {
    const query = after === undefined ? '' : `&after=${encodeURIComponent(after)}`
    const reply = await client.ask('GET', `${base}/keys?limit=1000${query}`)
    if (reply.status !== 200) return reply
    const page = reply.body as Page
    items.push(...page.items)
    after = page.next
  } while (after !== undefined)
  return items
}

async function change(
  client: AdminClient,
  base: string,
  options: KvsOptions,
  path: string,
  method: 'PUT' | 'POST' | 'DELETE',
  body: unknown,
  output: Output,
): Promise<AdminReply | undefined> {
  const etag = options.ifMatch ?? (await etagOf(client, base))
  if (typeof etag !== 'string') return etag
  const reply = await client.ask(method, `${base}${path}?ifMatch=${encodeURIComponent(etag)}`, body)
  if (reply.status !== 200) return reply
  output.out((reply.body as Description).etag)
  return undefined
}

async function etagOf(client: AdminClient, base: string): Promise<string | AdminReply> {
  const reply = await client.ask('GET', base)
  return reply.status === 200 ? (reply.body as Description).etag : reply
}

/** Puts every pair of a file, in updates of as many keys as AWS takes at once. Other keys stay. */
async function importFile(
  client: AdminClient,
  base: string,
  options: KvsOptions,
  file: string,
  output: Output,
): Promise<AdminReply | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    return { status: 0, body: { error: error instanceof Error ? error.message : String(error) } }
  }
  const read = readImportFile(text)
  if (read.kind === 'refused') return { status: 0, body: { error: `${file}:\n${read.problems.join('\n')}` } }
  const puts = [...read.items].map(([key, value]) => ({ key, value }))
  const first = options.ifMatch ?? (await etagOf(client, base))
  if (typeof first !== 'string') return first
  let etag = first
  for (let at = 0; at < puts.length; at += keyValueLimits.updateKeys) {
    const reply = await client.ask('POST', `${base}/keys?ifMatch=${encodeURIComponent(etag)}`, {
      puts: puts.slice(at, at + keyValueLimits.updateKeys),
    })
    if (reply.status !== 200) return reply
    ;({ etag } = reply.body as Description)
  }
  output.out(`${puts.length} keys, ${etag}`)
  return undefined
}
