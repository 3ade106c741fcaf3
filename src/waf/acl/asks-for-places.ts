import type { GroupNode, RateNode, StatementNode } from '../plan.ts'

/** Whether a statement asks in which country or network an address is, so that the databases are opened for it. */
export function asksForPlaces(node: StatementNode | RateNode | GroupNode): boolean {
  switch (node.kind) {
    case 'geo':
    case 'asn':
      return true
    case 'and':
    case 'or':
      return node.statements.some(asksForPlaces)
    case 'not':
      return asksForPlaces(node.statement)
    case 'rate':
      return (
        node.keys.some(({ kind }) => kind === 'asn') ||
        (node.scopeDown !== undefined && asksForPlaces(node.scopeDown))
      )
    case 'group':
      return (
        node.external !== undefined ||
        (node.scopeDown !== undefined && asksForPlaces(node.scopeDown)) ||
        node.group.rules.some(({ statement }) => asksForPlaces(statement))
      )
    default:
      return false
  }
}
