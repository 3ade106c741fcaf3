/**
 * The stages of the line, in order. Log fields, metrics, the explain trace and the picture in ARCHITECTURE.md
 * take their names from this table; `request.ts` tells what happens between them.
 */
export const stages = [
  { name: 'accept', room: 'listener', does: 'reads a request from the socket and refuses what is not HTTP' },
  {
    name: 'match',
    room: 'distribution',
    does: 'finds the distribution by host and selects the behavior by path',
  },
  { name: 'waf', room: 'waf', does: 'evaluates the web ACL' },
  { name: 'behavior', room: 'distribution', does: 'enforces protocol, method, geography and signatures' },
  { name: 'viewer-request', room: 'functions', does: 'runs the viewer-request function, which may answer' },
  { name: 'lookup', room: 'cache', does: 'computes the cache key and looks it up' },
  { name: 'origin-request', room: 'functions', does: 'runs the origin-request function, which may answer' },
  { name: 'send', room: 'origin', does: 'signs the request and sends it to the origin' },
  { name: 'origin-response', room: 'functions', does: 'runs the origin-response function' },
  {
    name: 'store',
    room: 'cache',
    does: 'decides whether and for how long the response is kept, or what is stale instead',
  },
  { name: 'settle', room: 'response', does: 'decides what an error becomes: as is, or a custom page' },
  {
    name: 'shape',
    room: 'response',
    does: 'ranges, conditions, compression and the response headers policy',
  },
  { name: 'inspect-response', room: 'waf', does: 'evaluates response rules where an ACL has any' },
  { name: 'viewer-response', room: 'functions', does: 'runs the viewer-response function' },
  { name: 'finish', room: 'log', does: 'stamps identity headers, sends, and writes one log line' },
] as const satisfies readonly { name: string; room: string; does: string }[]

export type StageName = (typeof stages)[number]['name']
