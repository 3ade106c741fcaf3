/** Cases of public suites that do not pass here, and why. An entry that starts to pass fails the run. */
export interface KnownGap {
  readonly suite: 'secrules' | 'crs'
  readonly id: string
  readonly reason: string
}

const VERB = 'the listener knows the verbs of CloudFront and answers others with 403 before the WAF'
const SQLI =
  'detectSQLi is our own tokenizer with its own fingerprints, not libinjection; other rules find the attack'

export const knownGaps: readonly KnownGap[] = [
  { suite: 'crs', id: '911100-5', reason: VERB },
  { suite: 'crs', id: '911100-7', reason: VERB },
  { suite: 'crs', id: '920100-5', reason: `${VERB}; the case expects 400` },
  { suite: 'crs', id: '920100-6', reason: VERB },
  { suite: 'crs', id: '920100-10', reason: VERB },
  { suite: 'crs', id: '920100-14', reason: VERB },
  {
    suite: 'crs',
    id: '920180-1',
    reason:
      'a POST without length or chunks has no body (RFC 9112 section 6.3); CloudFront refuses it with 403',
  },
  {
    suite: 'crs',
    id: '920180-2',
    reason: 'the case sends no length in HTTP/1.1 and counts on Apache to add one',
  },
  {
    suite: 'crs',
    id: '920280-1',
    reason: 'an HTTP/1.0 request without Host is given the one it was sent to, so that it is never missing',
  },
  { suite: 'crs', id: '920430-8', reason: 'refused with 400: no known protocol version' },
  {
    suite: 'crs',
    id: '933160-21',
    reason: 'refused with 400: the target begins with a question mark and has no path',
  },
  { suite: 'crs', id: '942100-4', reason: SQLI },
  { suite: 'crs', id: '942100-7', reason: SQLI },
  { suite: 'crs', id: '942100-11', reason: SQLI },
  { suite: 'crs', id: '942100-12', reason: SQLI },
  { suite: 'crs', id: '942100-13', reason: SQLI },
  { suite: 'crs', id: '942101-2', reason: SQLI },
  { suite: 'crs', id: '942101-4', reason: SQLI },
  { suite: 'crs', id: '942101-5', reason: SQLI },
  { suite: 'crs', id: '942101-6', reason: SQLI },
  {
    suite: 'crs',
    id: '942500-1',
    reason: 'refused with 400: the target begins with a question mark and has no path',
  },
]

export function gapOf(suite: KnownGap['suite'], id: string): KnownGap | undefined {
  return knownGaps.find((gap) => gap.suite === suite && gap.id === id)
}

/** The ids of a suite that are listed; a run takes out those it met. */
export function openGaps(suite: KnownGap['suite']): Set<string> {
  return new Set(knownGaps.filter((gap) => gap.suite === suite).map((gap) => gap.id))
}
