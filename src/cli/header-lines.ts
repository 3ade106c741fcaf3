/** Header fields as a command line gives them, `Name: value`; the first line that is none instead, in words. */
export function parseHeaderLines(
  lines: readonly string[],
): { readonly headers: [name: string, value: string][] } | { readonly problem: string } {
  const headers: [string, string][] = []
  for (const line of lines) {
    const colon = line.indexOf(':')
    if (colon <= 0) return { problem: `the header ${JSON.stringify(line)} is not "Name: value"` }
    headers.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()])
  }
  return { headers }
}
