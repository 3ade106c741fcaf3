import { createHmac } from 'node:crypto'
import type { Secret } from '../../base/secret.ts'
import { ProxyError } from './proxy-error.ts'
import { type Operation, operations } from './operations.ts'

type Input = Readonly<Record<string, unknown>>

/** What a call becomes before it is sent. */
export interface Supplied {
  /** The operation that is called in the end. */
  readonly name: string
  readonly operation: Operation
  /** The new body; undefined: the bytes go as they came. */
  readonly body: Input | undefined
  readonly clientId: string | undefined
}

/** What a call is supplied with. */
export interface Supplies {
  /** The secret of a client that may be used; undefined when it may not. Throws when it is allowed but has no value. */
  secretOf(clientId: string): Secret | undefined
  /** Told in UserContextData; undefined where the pool is not to know. */
  readonly viewerAddress: string | undefined
}

/**
 * Gives a call what its operation wants as the proof of the app client, whatever the caller put there. Throws a
 * ProxyError for what no pool would take.
 */
export function supply(name: string, operation: Operation, input: Input, supplies: Supplies): Supplied {
  const { proof } = operation
  if (proof.kind === 'token') {
    const isGiven = proof.members.some((member) => typeof input[member] === 'string' && input[member] !== '')
    if (!isGiven) throw invalid(`${name} needs ${proof.members.join(' or ')}`)
    return { name, operation, body: undefined, clientId: undefined }
  }
  const clientId = textOf(input, 'ClientId')
  const secret = supplies.secretOf(clientId)
  if (secret === undefined)
    throw new ProxyError('ResourceNotFoundException', `User pool client ${shown(clientId)} does not exist.`)
  const base = operation.hasUserContext === true ? withUserContext(input, supplies.viewerAddress) : input
  switch (proof.kind) {
    case 'secret-hash': {
      const SecretHash = secretHash(secret, textOf(input, 'Username'), clientId)
      return { name, operation, clientId, body: { ...base, SecretHash } }
    }
    case 'client-secret':
      return { name, operation, clientId, body: { ...base, ClientSecret: secret.reveal() } }
    case 'secret-hash-in': {
      const map = textsOf(input, proof.map)
      const flow = input['AuthFlow']
      if (name === 'InitiateAuth' && (flow === 'REFRESH_TOKEN_AUTH' || flow === 'REFRESH_TOKEN'))
        return refresh(input, map, clientId, secret)
      const SECRET_HASH = secretHash(secret, textOf(map, 'USERNAME', `${proof.map}.USERNAME`), clientId)
      return { name, operation, clientId, body: { ...base, [proof.map]: { ...map, SECRET_HASH } } }
    }
  }
}

/** REFRESH_TOKEN_AUTH has no user name, and its hash would be over one (API Reference, GetTokensFromRefreshToken). */
function refresh(input: Input, parameters: Input, clientId: string, secret: Secret): Supplied {
  const name = 'GetTokensFromRefreshToken'
  const body = {
    ClientId: clientId,
    ClientSecret: secret.reveal(),
    RefreshToken: textOf(parameters, 'REFRESH_TOKEN', 'AuthParameters.REFRESH_TOKEN'),
    ...(parameters['DEVICE_KEY'] !== undefined && { DeviceKey: parameters['DEVICE_KEY'] }),
    ...(input['ClientMetadata'] !== undefined && { ClientMetadata: input['ClientMetadata'] }),
  }
  return { name, operation: operations[name]!, body, clientId }
}

/** An address in UserContextData is believed by the pool once the secret stands beside it, so the caller has no say. */
function withUserContext(input: Input, address: string | undefined): Input {
  const given = input['UserContextData']
  if (given !== undefined && !isObject(given)) throw invalid("Value at 'UserContextData' must be a structure")
  if (given === undefined && address === undefined) return input
  const { IpAddress: _stated, ...rest } = given ?? {}
  return { ...input, UserContextData: { ...rest, ...(address !== undefined && { IpAddress: address }) } }
}

/** base64(HMAC-SHA256(client secret, user name + client id)) (DG:signing-up-users-in-your-app). */
export function secretHash(secret: Secret, username: string, clientId: string): string {
  return createHmac('sha256', secret.reveal()).update(username).update(clientId).digest('base64')
}

/** Reads the body of a call. Throws a ProxyError when it is not an object in JSON. */
export function readInput(bytes: Buffer): Input {
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(bytes))
  } catch (error) {
    throw new ProxyError('SerializationException', 'The body is not JSON in UTF-8.', { cause: error })
  }
  if (!isObject(value)) throw new ProxyError('SerializationException', 'The body is not an object.')
  return value
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOf(input: Input, name: string, path = name): string {
  const value = input[name]
  if (typeof value === 'string' && value !== '' && value.length <= 16_384) return value
  throw invalid(`Value at '${path}' must be a string that is not empty`)
}

function textsOf(input: Input, name: string): Input {
  const value = input[name]
  if (!isObject(value)) throw invalid(`Value at '${name}' must be a map`)
  for (const each of Object.values(value))
    if (typeof each !== 'string') throw invalid(`Values in '${name}' must be strings`)
  return value
}

function isObject(value: unknown): value is Input {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(message: string): ProxyError {
  return new ProxyError('InvalidParameterException', message)
}

function shown(clientId: string): string {
  return /^[\w+]{1,128}$/.test(clientId) ? clientId : 'of that id'
}
