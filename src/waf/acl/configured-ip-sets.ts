import type { GroupNode, PlannedIpSet, PlannedWebAcl, RateNode, StatementNode } from '../plan.ts'

/** The IP sets that the rules of a web ACL refer to, each once. */
export function configuredIpSets(acl: PlannedWebAcl): ReadonlySet<PlannedIpSet> {
  const byName = new Map<string, PlannedIpSet>()
  const visit = (node: StatementNode | RateNode | GroupNode): void => {
    switch (node.kind) {
      case 'ip-set':
        byName.set(node.set.name, node.set)
        return
      case 'and':
      case 'or':
        node.statements.forEach(visit)
        return
      case 'not':
        visit(node.statement)
        return
      case 'rate':
        if (node.scopeDown !== undefined) visit(node.scopeDown)
        return
      case 'group':
        if (node.scopeDown !== undefined) visit(node.scopeDown)
        for (const { statement } of node.group.rules) visit(statement)
        return
      default:
    }
  }
  for (const { statement } of acl.rules) visit(statement)
  return new Set(byName.values())
}
