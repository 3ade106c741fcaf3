import fc from 'fast-check'
import { CLIENT } from './stand.ts'

const operations = [
  'SignUp',
  'ConfirmSignUp',
  'ResendConfirmationCode',
  'ForgotPassword',
  'ConfirmForgotPassword',
  'InitiateAuth',
  'RespondToAuthChallenge',
  'GetTokensFromRefreshToken',
  'RevokeToken',
  'GetUser',
] as const

/** A call as it should be, for each operation. */
function goodInput(operation: string): Record<string, unknown> {
  const credentials = { USERNAME: 'ann', PASSWORD: 'Correct-horse-1' }
  switch (operation) {
    case 'InitiateAuth':
      return { ClientId: CLIENT, AuthFlow: 'USER_PASSWORD_AUTH', AuthParameters: credentials }
    case 'RespondToAuthChallenge':
      return { ClientId: CLIENT, ChallengeName: 'PASSWORD_VERIFIER', ChallengeResponses: credentials }
    case 'GetTokensFromRefreshToken':
    case 'RevokeToken':
      return { ClientId: CLIENT, RefreshToken: 'x', Token: 'x' }
    case 'GetUser':
      return { AccessToken: 'x' }
    default:
      return { ClientId: CLIENT, Username: 'ann', Password: 'Correct-horse-1', ConfirmationCode: '123456' }
  }
}

const notText = fc.oneof(
  fc.constant(null),
  fc.constant(''),
  fc.boolean(),
  fc.double(),
  fc.array(fc.string(), { maxLength: 3 }),
  fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
)
/** Members without which no operation is complete. */
const needed = (operation: string): string => (operation === 'GetUser' ? 'AccessToken' : 'ClientId')

/** Operations with bodies that no pool is to see: not JSON, cut short, no object, or without what they need. */
export const malformedCall: fc.Arbitrary<{ operation: string; body: Buffer }> = fc
  .constantFrom(...operations)
  .chain((operation) => {
    const good = JSON.stringify(goodInput(operation))
    return fc
      .oneof(
        fc.integer({ min: 0, max: good.length - 1 }).map((end) => Buffer.from(good.slice(0, end))),
        fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.concat([Buffer.of(0xff), bytes])),
        fc.string().map((text) => Buffer.from(`${text}{`)),
        fc
          .oneof(notText, fc.array(fc.jsonValue()))
          .filter((value) => !isObject(value))
          .map(json),
        fc.integer({ min: 1, max: 5_000 }).map((depth) => Buffer.from('['.repeat(depth))),
        notText.map((value) => json({ ...goodInput(operation), [needed(operation)]: value })),
        fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 }).map(json),
        fc.constant(Buffer.from(good.replace(CLIENT, 'another').replace('"x"', '""').padEnd(good.length))),
        fc.integer({ min: 0, max: 9 }).map((tail) => Buffer.from(`${good}${tail}`)),
        fc.constant(Buffer.from(good.padEnd(70_000, ' '))),
      )
      .map((body) => ({ operation, body }))
  })

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}
