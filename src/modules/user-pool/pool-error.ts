/** Names of errors as the user pool API has them (Amazon Cognito user pools API Reference, Common Errors and operations). */
export type PoolErrorName =
  | 'AliasExistsException'
  | 'CodeDeliveryFailureException'
  | 'CodeMismatchException'
  | 'ExpiredCodeException'
  | 'InternalErrorException'
  | 'InvalidAction'
  | 'InvalidParameterException'
  | 'InvalidPasswordException'
  | 'InvalidSignatureException'
  | 'LimitExceededException'
  | 'MissingAuthenticationTokenException'
  | 'NotAuthorizedException'
  | 'PasswordResetRequiredException'
  | 'RefreshTokenReuseException'
  | 'ResourceNotFoundException'
  | 'SerializationException'
  | 'TooManyRequestsException'
  | 'UnknownOperationException'
  | 'UnrecognizedClientException'
  | 'UnsupportedUserStateException'
  | 'UserNotConfirmedException'
  | 'UserNotFoundException'
  | 'UsernameExistsException'

/** An answer of the pool that is an error; its message goes to the caller. */
export class PoolError extends Error {
  readonly code: PoolErrorName

  constructor(code: PoolErrorName, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'PoolError'
    this.code = code
  }

  get status(): number {
    return this.code === 'InternalErrorException' ? 500 : 400
  }
}

export function invalid(message: string): PoolError {
  return new PoolError('InvalidParameterException', message)
}

export function notAuthorized(message: string): PoolError {
  return new PoolError('NotAuthorizedException', message)
}

/** What whoever has a wrong name or a wrong password is told, so that names cannot be found out. */
export function wrongPassword(): PoolError {
  return notAuthorized('Incorrect username or password.')
}
