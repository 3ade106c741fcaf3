import { z } from 'zod'
import { type AdminAnswer, type AdminRequest, type AdminRoute, refused } from '../admin-route.ts'
import { isSeamError } from '../seams/seam-error.ts'
import type { Functions } from './functions.ts'
import type { KeyUpdate, KeyValueStore } from './key-value-store/store.ts'

const MAX_ENTRIES = 1000
const DEFAULT_ENTRIES = 100
const MAX_KEYS = 50

const updateSchema = z.strictObject({
  puts: z.array(z.strictObject({ key: z.string(), value: z.string() })).default([]),
  deletes: z.array(z.string()).default([]),
})
const valueSchema = z.strictObject({ value: z.string() })

/** The routes of functions and key-value stores. Paths of stores are those of AWS's data API, by name instead of ARN. */
export function functionRoutes(functions: Functions): AdminRoute[] {
  const { log, stores } = functions
  return [
    { method: 'GET', path: '/functions', handle: () => ({ body: functions.figures() }) },
    { method: 'GET', path: '/functions/logs', handle: ({ query }) => logs(query) },
    {
      method: 'GET',
      path: '/key-value-stores',
      handle: () => ({ body: stores.names().map((name) => describe(stores.find(name)!)) }),
    },
    {
      method: 'GET',
      path: '/key-value-stores/:name',
      handle: withStore((store) => ({ body: describe(store) })),
    },
    { method: 'GET', path: '/key-value-stores/:name/keys', handle: withStore(listKeys) },
    { method: 'POST', path: '/key-value-stores/:name/keys', handle: withStore(updateKeys) },
    { method: 'GET', path: '/key-value-stores/:name/keys/:key', handle: withStore(getKey) },
    { method: 'PUT', path: '/key-value-stores/:name/keys/:key', handle: withStore(putKey) },
    { method: 'DELETE', path: '/key-value-stores/:name/keys/:key', handle: withStore(deleteKey) },
  ]

  function logs(query: URLSearchParams): AdminAnswer {
    const limit = limitOf(query, DEFAULT_ENTRIES, MAX_ENTRIES)
    if (limit === undefined) return refused(400, `limit is a number from 0 to ${MAX_ENTRIES}`)
    const requestId = query.get('request')
    const name = query.get('function')
    return {
      body: log.find({
        limit,
        ...(requestId === null ? {} : { requestId }),
        ...(name === null ? {} : { function: name }),
      }),
    }
  }

  function withStore(
    handle: (store: KeyValueStore, request: AdminRequest) => Promise<AdminAnswer> | AdminAnswer,
  ): AdminRoute['handle'] {
    return (request) => {
      const name = request.parameters['name']!
      const store = stores.find(name)
      if (store !== undefined) return handle(store, request)
      return refused(
        404,
        `there is no key-value store ${name}; there are: ${stores.names().join(', ') || 'none'}`,
      )
    }
  }
}

function describe(store: KeyValueStore) {
  const { items, bytes, etag, creationDateTime, lastUpdatedDateTime } = store.current
  return { name: store.name, keyCount: items.size, bytes, etag, creationDateTime, lastUpdatedDateTime }
}

function listKeys(store: KeyValueStore, { query }: AdminRequest): AdminAnswer {
  const limit = limitOf(query, MAX_KEYS, 1000)
  if (limit === undefined || limit === 0) return refused(400, 'limit is a number from 1 to 1000')
  const page = store.list(query.get('after') ?? undefined, limit)
  return { body: { etag: store.current.etag, ...page }, headers: etagOf(store) }
}

function getKey(store: KeyValueStore, { parameters }: AdminRequest): AdminAnswer {
  const key = parameters['key']!
  const value = store.current.items.get(key)
  if (value === undefined)
    return refused(404, `the key-value store ${store.name} has no key ${JSON.stringify(key)}`)
  return { body: { key, value, etag: store.current.etag }, headers: etagOf(store) }
}

function putKey(store: KeyValueStore, request: AdminRequest): Promise<AdminAnswer> | AdminAnswer {
  const parsed = valueSchema.safeParse(request.body)
  if (!parsed.success) return refused(400, 'the body must be {"value": "…"}')
  return change(store, request, { puts: [{ key: request.parameters['key']!, value: parsed.data.value }] })
}

function deleteKey(store: KeyValueStore, request: AdminRequest): Promise<AdminAnswer> | AdminAnswer {
  return change(store, request, { deletes: [request.parameters['key']!] })
}

function updateKeys(store: KeyValueStore, request: AdminRequest): Promise<AdminAnswer> | AdminAnswer {
  const parsed = updateSchema.safeParse(request.body)
  if (!parsed.success)
    return refused(400, 'the body must be {"puts": [{"key": "…", "value": "…"}], "deletes": ["…"]}')
  return change(store, request, parsed.data)
}

async function change(
  store: KeyValueStore,
  { query }: AdminRequest,
  update: KeyUpdate,
): Promise<AdminAnswer> {
  const ifMatch = query.get('ifMatch')
  if (ifMatch === null)
    return refused(428, `say ?ifMatch=ETAG, so that nobody's change is lost; it is ${store.current.etag} now`)
  try {
    await store.update(update, ifMatch)
    return { body: describe(store), headers: etagOf(store) }
  } catch (error) {
    if (!isSeamError(error)) throw error
    const status = STATUSES[error.code as keyof typeof STATUSES] as number | undefined
    return refused(status ?? 500, error.message)
  }
}

/** As AWS's data API answers them. */
const STATUSES = { conflict: 412, 'not-found': 404, limit: 402, invalid: 400, unavailable: 503 } as const

function etagOf(store: KeyValueStore): Record<string, string> {
  return { etag: `"${store.current.etag}"` }
}

function limitOf(query: URLSearchParams, otherwise: number, most: number): number | undefined {
  const text = query.get('limit')
  if (text === null) return otherwise
  return /^\d{1,6}$/.test(text) ? Math.min(most, Number(text)) : undefined
}
