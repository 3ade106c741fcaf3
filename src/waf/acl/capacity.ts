import type { GroupNode, RateNode, StatementNode, Subject } from '../plan.ts'

/** Web ACL capacity units of a statement with all it holds (DG:aws-waf-capacity-units; fact sheet section 3). */
export function capacityOf(node: StatementNode | RateNode | GroupNode): number {
  switch (node.kind) {
    case 'and':
    case 'or':
      return node.statements.reduce((sum, statement) => sum + capacityOf(statement), 0)
    case 'not':
      return capacityOf(node.statement)
    case 'byte-match':
      return matchCapacity(
        node.position === 'CONTAINS' || node.position === 'CONTAINS_WORD' ? 10 : 2,
        node.subject,
      )
    case 'regex':
      return matchCapacity(node.setName === undefined ? 3 : 25, node.subject)
    case 'size':
      return matchCapacity(1, node.subject)
    case 'sqli':
      return matchCapacity(node.sensitivity === 'HIGH' ? 30 : 20, node.subject)
    case 'xss':
      return matchCapacity(40, node.subject)
    case 'geo':
    case 'asn':
    case 'label':
      return 1
    case 'ip-set':
      return node.forwarded?.position === 'ANY' ? 5 : 1
    case 'rate':
      return 2 + 30 * node.keys.length + (node.scopeDown === undefined ? 0 : capacityOf(node.scopeDown))
    case 'group':
      return node.group.capacity + (node.scopeDown === undefined ? 0 : capacityOf(node.scopeDown))
  }
}

/** Labels cost one unit for each five that a rule defines. */
export function labelCapacity(labels: number): number {
  return Math.ceil(labels / 5)
}

function matchCapacity(base: number, subject: Subject): number {
  const { field, transforms, preParse } = subject
  const steps = transforms.filter((name) => name !== 'NONE').length + preParse.length
  return (
    base * (field.kind === 'json-body' ? 2 : 1) + (field.kind === 'all-query-arguments' ? 10 : 0) + 10 * steps
  )
}
