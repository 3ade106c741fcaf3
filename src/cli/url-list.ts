const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** What a list of URLs says: URLs to fetch, and further lists where it is an index of sitemaps. */
export interface UrlList {
  readonly urls: readonly string[]
  readonly sitemaps: readonly string[]
  /** Lines that are no URLs, as sentences. */
  readonly problems: readonly string[]
}

/**
 * Reads a sitemap (sitemaps.org protocol: `urlset`, or `sitemapindex` that names further ones) or plain text: one URL
 * on each line, or a path where `base` says of what; empty lines and what follows `#` at the begin of a line are left out.
 */
export function parseUrlList(text: string, base: string | undefined): UrlList {
  return /^\s*(?:\uFEFF\s*)?</.test(text) ? parseSitemap(text, base) : parseLines(text, base)
}

function parseSitemap(text: string, base: string | undefined): UrlList {
  const plain = text.replace(/<!--[\s\S]*?-->/g, '')
  const locations = [...plain.matchAll(/<(?:\w+:)?loc\s*>([\s\S]*?)<\/(?:\w+:)?loc\s*>/g)].map((match) =>
    decode(match[1]!.trim()),
  )
  if (/<(?:\w+:)?sitemapindex[\s>]/.test(plain)) return { urls: [], sitemaps: locations, problems: [] }
  if (!/<(?:\w+:)?urlset[\s>]/.test(plain))
    return {
      urls: [],
      sitemaps: [],
      problems: ['it is neither a sitemap (urlset, sitemapindex) nor a list of URLs'],
    }
  return collect(
    locations.map((text, i) => ({ place: `location ${i + 1}`, text })),
    base,
  )
}

function parseLines(text: string, base: string | undefined): UrlList {
  const lines = text.split(/\r?\n/).map((line, i) => ({ place: `line ${i + 1}`, text: line.trim() }))
  return collect(
    lines.filter((line) => line.text !== '' && !line.text.startsWith('#')),
    base,
  )
}

function collect(items: readonly { place: string; text: string }[], base: string | undefined): UrlList {
  const urls = new Set<string>()
  const problems: string[] = []
  for (const { place, text } of items) {
    const isPath = text.startsWith('/')
    if (isPath && base === undefined)
      problems.push(`${place}: ${text} is a path; say with --base of which site`)
    else if (isPath) urls.add(base! + text)
    else if (/^https?:\/\/[^/?#\s]+/i.test(text) && URL.canParse(text)) urls.add(moved(text, base))
    else problems.push(`${place}: ${text} is neither an http(s) URL nor a path`)
  }
  return { urls: [...urls], sitemaps: [], problems }
}

/** A URL on the site of `base`, where one is given: a sitemap names the public address of a site. */
function moved(url: string, base: string | undefined): string {
  return base === undefined ? url : url.replace(/^https?:\/\/[^/?#]*/i, base)
}

function decode(text: string): string {
  const inner = /^<!\[CDATA\[([\s\S]*)\]\]>$/.exec(text)
  if (inner !== null) return inner[1]!.trim()
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hexadecimal, name) => {
    if (typeof name === 'string') return ENTITIES[name] ?? whole
    const code = typeof decimal === 'string' ? Number(decimal) : Number.parseInt(String(hexadecimal), 16)
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
