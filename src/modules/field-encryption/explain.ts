import type { StageName } from '../../stages.ts'
import type { Passage } from '../../visit.ts'
import type { CompiledFieldEncryption } from './compile.ts'
import { contentKindOf } from './formats/format.ts'

/** Which fields would be protected, by which rule and key. Values are not looked at. */
export function explainFields(
  passage: Passage,
  planned: CompiledFieldEncryption,
): { readonly stage: StageName; readonly says: string }[] {
  const { protection } = planned
  const { headers, method, query } = passage.request
  const told: { stage: StageName; says: string }[] = []
  if (query !== undefined && query !== '') {
    for (const rule of protection.byFormat.query.rules)
      told.push({
        stage: 'viewer-request',
        says: `field encryption: query parameter ${rule.name} with key ${rule.key}`,
      })
  }
  const type = headers.get('content-type')
  const kind = contentKindOf(type)
  const tell = (says: string): void => void told.push({ stage: 'send', says: `field encryption: ${says}` })
  if (type === undefined && (method === 'GET' || method === 'HEAD'))
    tell('a request without a body is sent as it is')
  else if (kind.kind === 'malformed')
    tell(`${planned.malformed === 'reject' ? 'answered 400' : 'forwarded'}: ${kind.why}`)
  else if (kind.kind === 'format') {
    const { rules } = protection.byFormat[kind.format]
    tell(
      `a ${kind.format} body is ${planned.streaming ? 'encrypted while it passes' : 'read to its end first'}`,
    )
    for (const rule of rules) tell(`${rule.name} with key ${rule.key}`)
    if (rules.length === 0) tell(`no rule is for ${kind.format}`)
  } else if (kind.kind === 'text' && protection.detectors.length > 0) tell('plain text is looked through')
  else
    tell(
      planned.forwards(type ?? 'none')
        ? `a body of type ${type ?? 'none'} is forwarded as it is`
        : `a body of type ${type ?? 'none'} is answered 400`,
    )
  for (const { name, key } of protection.detectors) tell(`what looks like ${name} with key ${key}`)
  for (const { issuer, scopes } of planned.callers)
    told.push({
      stage: 'shape',
      says: `opened for callers of ${issuer} with ${Object.keys(scopes).join(', ')}`,
    })
  return told
}
