import { z } from 'zod'
import { type AdminAnswer, type AdminRoute, refused } from '../admin-route.ts'
import type { Edge } from '../edge.ts'

/** CloudFront takes so many paths in one invalidation, of so many characters (DG:invalidation-specifying-objects). */
const MAX_PATHS = 3_000
const MAX_PATH_CHARACTERS = 4_000
const MAX_TAGS = 3_000
const MAX_WARMED = 100

const invalidationSchema = z
  .strictObject({
    paths: z
      .array(z.string().max(MAX_PATH_CHARACTERS).startsWith('/', 'a path begins with /'))
      .min(1)
      .max(MAX_PATHS)
      .optional(),
    tags: z.array(z.string().min(1).max(1024)).min(1).max(MAX_TAGS).optional(),
    distribution: z.string().optional(),
    soft: z.boolean().default(false),
    all: z.boolean().default(false),
  })
  .refine(({ paths, tags, all, distribution }) => {
    return all ? paths === undefined && tags === undefined : (paths ?? tags ?? distribution) !== undefined
  }, 'give paths, tags or a distribution; or all: true and neither paths nor tags')
const INVALIDATION =
  '{"paths": ["/a", "/b/*"], "tags": ["t"], "distribution": "name or id", "soft": false}, or {"all": true}'

const warmSchema = z.strictObject({
  urls: z.array(z.string().max(16_384)).min(1).max(MAX_WARMED),
  headers: z
    .array(z.tuple([z.string(), z.string()]))
    .max(100)
    .default([]),
})
const WARM = `{"urls": ["http://…"], "headers": [["Accept-Encoding", "gzip"]]}; at most ${MAX_WARMED} URLs at a time`

/** The routes of the cache: what is in it, taking out of it, bringing into it. */
export function cacheRoutes(edge: Pick<Edge, 'plan' | 'cache' | 'invalidate' | 'warm'>): AdminRoute[] {
  return [
    { method: 'GET', path: '/cache', handle: () => ({ body: edge.cache.stats() }) },
    { method: 'POST', path: '/cache/invalidate', handle: ({ body }) => invalidated(body) },
    { method: 'POST', path: '/cache/warm', handle: ({ body }) => warmed(body) },
  ]

  async function invalidated(body: unknown): Promise<AdminAnswer> {
    const asked = invalidationSchema.safeParse(body)
    if (!asked.success) return refused(400, `${z.prettifyError(asked.error)}\nsend ${INVALIDATION}`)
    const { paths, tags, distribution, soft } = asked.data
    const { distributions } = edge.plan.current
    const found = distributions.find(({ id, name }) => id === distribution || name === distribution)
    if (distribution !== undefined && found === undefined) {
      const known = distributions.map(({ id, name }) => `${name} (${id})`).join(', ')
      return refused(404, `there is no distribution ${distribution}; known: ${known}`)
    }
    let entries = 0
    for (const { id: distributionId } of found === undefined ? distributions : [found]) {
      const { count } = await edge.invalidate({
        distributionId,
        ...(paths === undefined ? {} : { paths }),
        ...(tags === undefined ? {} : { tags }),
        all: paths === undefined && tags === undefined,
        soft,
        by: 'admin',
      })
      entries += count
    }
    return { body: { entries, soft } }
  }

  async function warmed(body: unknown): Promise<AdminAnswer> {
    const asked = warmSchema.safeParse(body)
    if (!asked.success) return refused(400, `${z.prettifyError(asked.error)}\nsend ${WARM}`)
    const { urls, headers } = asked.data
    const results = urls.map(async (url) => ({ url, ...(await edge.warm({ url, method: 'GET', headers })) }))
    return { body: await Promise.all(results) }
  }
}
