/** Fields of one connection only, which end where it ends (RFC 9110 section 7.6.1); Connection may name more. */
export const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-authentication-info',
  'te',
  'trailer',
  'transfer-encoding',
] as const
