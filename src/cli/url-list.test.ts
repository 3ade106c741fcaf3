import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseUrlList } from './url-list.ts'

const CASES = [
  {
    what: 'lines',
    text: '\n# no\nhttp://a/x\r\n  https://b/y?z=1  \nhttp://a/x\n',
    urls: ['http://a/x', 'https://b/y?z=1'],
  },
  { what: 'paths of a base', text: '/a\n/b?c', base: 'http://x:1', urls: ['http://x:1/a', 'http://x:1/b?c'] },
  { what: 'URLs moved to a base', text: 'https://www.a/b?c', base: 'http://x:1', urls: ['http://x:1/b?c'] },
  {
    what: 'a sitemap',
    text: '<?xml version="1.0"?>\n<urlset><url><loc>http://a/?x=1&amp;y=&#50;&#x33;</loc></url><!-- <loc>http://no/</loc> --><url><loc><![CDATA[http://a/&]]></loc></url></urlset>',
    urls: ['http://a/?x=1&y=23', 'http://a/&'],
  },
  {
    what: 'a sitemap with prefixes',
    text: '<s:urlset><s:url><s:loc>http://a/</s:loc></s:url></s:urlset>',
    urls: ['http://a/'],
  },
] as const

for (const { what, text, urls, ...rest } of CASES) {
  test(`URLs of ${what}`, () => {
    assert.deepEqual(parseUrlList(text, 'base' in rest ? rest.base : undefined), {
      urls,
      sitemaps: [],
      problems: [],
    })
  })
}

test('an index names further sitemaps', () => {
  const text =
    '<sitemapindex><sitemap><loc>http://a/1.xml</loc></sitemap><sitemap><loc>http://a/2.xml</loc></sitemap></sitemapindex>'
  assert.deepEqual(parseUrlList(text, undefined).sitemaps, ['http://a/1.xml', 'http://a/2.xml'])
})

test('what is no URL is told with its place', () => {
  assert.deepEqual(parseUrlList('http://a/\n/path\nftp://x/\nwhat', undefined).problems, [
    'line 2: /path is a path; say with --base of which site',
    'line 3: ftp://x/ is neither an http(s) URL nor a path',
    'line 4: what is neither an http(s) URL nor a path',
  ])
  assert.equal(parseUrlList('<html></html>', undefined).problems.length, 1)
})

test('whatever the text, every URL that is given can be parsed, once each, and nothing throws', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '<loc>',
      '</loc>',
      '<urlset>',
      '<sitemapindex>',
      '&amp;',
      '&#0;',
      '&#xffffffff;',
      '\n',
      'http://a/',
      '<!--',
      '-->',
    ),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const { urls } = parseUrlList(pieces.join(''), undefined)
      assert.equal(new Set(urls).size, urls.length)
      for (const url of urls) assert.ok(URL.canParse(url), url)
    }),
  )
})
