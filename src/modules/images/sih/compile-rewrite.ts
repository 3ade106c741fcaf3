/** A rewrite as the settings have it: `/pattern/flags`, or a bare pattern. Throws SyntaxError when it is none. */
export function compileRewrite(
  match: string,
  substitution: string,
): { readonly match: RegExp; readonly substitution: string } {
  const parts = /^\/(.*)\/([a-z]*)$/s.exec(match)
  // Without `y` a pattern keeps no place between requests.
  const flags = (parts?.[2] ?? '').replace(/[^dgimsuv]/g, '')
  return { match: new RegExp(parts?.[1] ?? match, flags), substitution }
}
