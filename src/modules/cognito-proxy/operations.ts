/** Categories by which AWS counts calls against quotas (DG:quotas, "API operation categories"). */
export const categories = [
  'UserAuthentication',
  'UserCreation',
  'UserFederation',
  'UserAccountRecovery',
  'UserRead',
  'UserUpdate',
  'UserToken',
  'UserResourceRead',
  'UserResourceUpdate',
] as const

export type Category = (typeof categories)[number]

/** Calls per second and account that AWS allows unless a quota was raised (DG:quotas). */
export const usualQuotas: Readonly<Record<Category, number>> = {
  UserAuthentication: 120,
  UserCreation: 50,
  UserFederation: 25,
  UserAccountRecovery: 30,
  UserRead: 120,
  UserUpdate: 25,
  UserToken: 120,
  UserResourceRead: 50,
  UserResourceUpdate: 25,
}

/** How an operation proves that it comes from an app client. */
export type Proof =
  /** Member SecretHash over the member Username. */
  | { readonly kind: 'secret-hash' }
  /** SECRET_HASH in a map of the body, over USERNAME in it. */
  | { readonly kind: 'secret-hash-in'; readonly map: 'AuthParameters' | 'ChallengeResponses' }
  /** Member ClientSecret. */
  | { readonly kind: 'client-secret' }
  /** An access token, or the session of a challenge: no client is named. */
  | { readonly kind: 'token'; readonly members: readonly string[] }

export interface Operation {
  readonly category: Category
  readonly proof: Proof
  /** Whether the member UserContextData may tell of the viewer. */
  readonly hasUserContext?: true
  /** The Admin call that takes its place in advanced-security mode. */
  readonly admin?: 'AdminInitiateAuth' | 'AdminRespondToAuthChallenge'
}

const token: Proof = { kind: 'token', members: ['AccessToken'] }
const tokenOrSession: Proof = { kind: 'token', members: ['AccessToken', 'Session'] }
const secretHash: Proof = { kind: 'secret-hash' }
const clientSecret: Proof = { kind: 'client-secret' }

/**
 * Operations that need no credentials of AWS (Amazon Cognito user pools API Reference; DG:authentication-flows-public-server-side).
 * REFRESH_TOKEN_AUTH of InitiateAuth becomes GetTokensFromRefreshToken, because it carries no user name to hash.
 */
export const operations: Readonly<Record<string, Operation>> = {
  SignUp: { category: 'UserCreation', proof: secretHash, hasUserContext: true },
  ConfirmSignUp: { category: 'UserCreation', proof: secretHash, hasUserContext: true },
  ResendConfirmationCode: { category: 'UserCreation', proof: secretHash, hasUserContext: true },
  ForgotPassword: { category: 'UserAccountRecovery', proof: secretHash, hasUserContext: true },
  ConfirmForgotPassword: { category: 'UserAccountRecovery', proof: secretHash, hasUserContext: true },
  InitiateAuth: {
    category: 'UserAuthentication',
    proof: { kind: 'secret-hash-in', map: 'AuthParameters' },
    hasUserContext: true,
    admin: 'AdminInitiateAuth',
  },
  RespondToAuthChallenge: {
    category: 'UserAuthentication',
    proof: { kind: 'secret-hash-in', map: 'ChallengeResponses' },
    hasUserContext: true,
    admin: 'AdminRespondToAuthChallenge',
  },
  GetTokensFromRefreshToken: { category: 'UserToken', proof: clientSecret },
  RevokeToken: { category: 'UserToken', proof: clientSecret },
  AssociateSoftwareToken: { category: 'UserAuthentication', proof: tokenOrSession },
  VerifySoftwareToken: { category: 'UserAuthentication', proof: tokenOrSession },
  ChangePassword: { category: 'UserAccountRecovery', proof: token },
  CompleteWebAuthnRegistration: { category: 'UserUpdate', proof: token },
  ConfirmDevice: { category: 'UserUpdate', proof: token },
  DeleteUser: { category: 'UserUpdate', proof: token },
  DeleteUserAttributes: { category: 'UserUpdate', proof: token },
  DeleteWebAuthnCredential: { category: 'UserUpdate', proof: token },
  ForgetDevice: { category: 'UserUpdate', proof: token },
  GetDevice: { category: 'UserRead', proof: token },
  GetUser: { category: 'UserRead', proof: token },
  GetUserAttributeVerificationCode: { category: 'UserUpdate', proof: token },
  GetUserAuthFactors: { category: 'UserRead', proof: token },
  GlobalSignOut: { category: 'UserToken', proof: token },
  ListDevices: { category: 'UserRead', proof: token },
  ListWebAuthnCredentials: { category: 'UserRead', proof: token },
  SetUserMFAPreference: { category: 'UserUpdate', proof: token },
  SetUserSettings: { category: 'UserUpdate', proof: token },
  StartWebAuthnRegistration: { category: 'UserUpdate', proof: token },
  UpdateDeviceStatus: { category: 'UserUpdate', proof: token },
  UpdateUserAttributes: { category: 'UserUpdate', proof: token },
  VerifyUserAttribute: { category: 'UserUpdate', proof: token },
}

/** What stands before the name of an operation in X-Amz-Target. */
export const TARGET_PREFIX = 'AWSCognitoIdentityProviderService.'
