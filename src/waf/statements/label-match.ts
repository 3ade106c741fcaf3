import type { Matcher } from './matcher.ts'

/**
 * Looks for a label that an earlier rule added (WAFV2 LabelMatchStatement). A key without `awswaf:` is looked for in
 * the namespace of its own web ACL or rule group: LABEL at the end of what follows the namespace, NAMESPACE anywhere in
 * its namespaces, at colons both. Case counts.
 */
export function labelMatch(
  scope: 'LABEL' | 'NAMESPACE',
  key: string,
  container: string | undefined,
): Matcher {
  const isNamespace = scope === 'NAMESPACE'
  if (container === undefined) {
    return isNamespace
      ? ({ labels }) => labels.some((label) => label.startsWith(key))
      : ({ labels }) => labels.includes(key)
  }
  const inside = `:${key}`
  const full = container + key
  return ({ labels }) =>
    labels.some((label) => {
      if (!label.startsWith(container)) return false
      // The colon at the end of the container's namespace stands before the first part.
      return isNamespace
        ? label.startsWith(full) || label.includes(inside, container.length - 1)
        : label === full || (label.endsWith(inside) && label.length - inside.length >= container.length - 1)
    })
}
