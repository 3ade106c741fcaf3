/** Servers whose configuration is written ready to include. */
export const snippetServers = ['nginx', 'apache'] as const
export type SnippetServer = (typeof snippetServers)[number]

/** Characters that stand for themselves in both configurations, in regular expressions too, and in a header. */
const SAFE_VALUE = /^[A-Za-z0-9_-]{16,128}$/

/** True when a value can be an origin's secret: it must stand in files of several syntaxes without escapes. */
export function isUsableValue(value: string): boolean {
  return SAFE_VALUE.test(value)
}

/** What a value must be like, for messages. */
export const USABLE_VALUE = '16 to 128 letters, digits, - and _'

/** The snippet of a server that lets pass what carries one of `values`. Throws on a value that is not usable. */
export function writeSnippet(server: SnippetServer, header: string, values: readonly string[]): string {
  for (const value of values) {
    if (!isUsableValue(value))
      throw new Error(`a value cannot stand in a snippet for ${server}: expected ${USABLE_VALUE}`)
  }
  return server === 'nginx' ? nginx(header, values) : apache(header, values)
}

/**
 * Two variables for the whole `http` block: nginx reads it wherever it is included there. Regular expressions, because
 * plain strings of a map are compared without regard to case (ngx_http_map_module).
 */
function nginx(header: string, values: readonly string[]): string {
  const variable = `$http_${header.toLowerCase().replaceAll('-', '_')}`
  return `# Written by edgeward (origin-verify); it is written anew at every rotation.
# Include it inside http { }, and put this into each server { } to be protected:
#   if ($edgeward_origin_verified = 0) { return 403; }
# Everyone who may read this file can pretend to be the edge: keep it readable for nginx alone.
map ${variable} $edgeward_origin_verified {
  default 0;
${values.map((value) => `  "~^${value}$" 1;\n`).join('')}}
`
}

/** Apache 2.4: included inside a VirtualHost, Location or Directory. */
function apache(header: string, values: readonly string[]): string {
  const conditions = values.map((value) => `  Require expr "%{HTTP:${header}} == '${value}'"\n`)
  // Inside RequireAny nothing true means refused, and it must not be empty.
  if (conditions.length === 0) conditions.push('  Require all denied\n')
  return `# Written by edgeward (origin-verify); it is written anew at every rotation.
# Include it inside the VirtualHost, Location or Directory to be protected.
# Everyone who may read this file can pretend to be the edge: keep it readable for Apache alone.
<RequireAny>
${conditions.join('')}</RequireAny>
`
}
