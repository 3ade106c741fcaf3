import * as admin from './administer.ts'
import type { Input } from './input.ts'
import * as own from './own-account.ts'
import type { Pools } from './pool.ts'
import * as signIn from './sign-in.ts'
import * as signUp from './sign-up.ts'

/** Categories by which AWS counts calls against quotas (DG:quotas). */
export type Category =
  | 'UserAuthentication'
  | 'UserCreation'
  | 'UserAccountRecovery'
  | 'UserToken'
  | 'UserRead'
  | 'UserUpdate'
  | 'UserList'

/** One operation of the API. */
export interface Operation {
  readonly category: Category
  /** Signed by an administrator with Signature Version 4. */
  readonly isAdmin?: true
  run(pools: Pools, input: Input): Promise<object> | object
}

/** Every operation of the pool, by the name after `AWSCognitoIdentityProviderService.` in X-Amz-Target. */
export const operations: Readonly<Record<string, Operation>> = {
  SignUp: { category: 'UserCreation', run: signUp.signUp },
  ConfirmSignUp: { category: 'UserCreation', run: signUp.confirmSignUp },
  ResendConfirmationCode: { category: 'UserCreation', run: signUp.resendConfirmationCode },
  ForgotPassword: { category: 'UserAccountRecovery', run: signUp.forgotPassword },
  ConfirmForgotPassword: { category: 'UserAccountRecovery', run: signUp.confirmForgotPassword },
  InitiateAuth: {
    category: 'UserAuthentication',
    run: (pools, input) => signIn.initiateAuth(pools, input, false),
  },
  RespondToAuthChallenge: { category: 'UserAuthentication', run: signIn.respondToAuthChallenge },
  GetTokensFromRefreshToken: { category: 'UserToken', run: signIn.getTokensFromRefreshToken },
  RevokeToken: { category: 'UserToken', run: signIn.revokeToken },
  GetUser: { category: 'UserRead', run: own.getUser },
  GlobalSignOut: { category: 'UserToken', run: own.globalSignOut },
  ChangePassword: { category: 'UserAccountRecovery', run: own.changePassword },
  UpdateUserAttributes: { category: 'UserUpdate', run: own.updateUserAttributes },
  GetUserAttributeVerificationCode: { category: 'UserUpdate', run: own.getUserAttributeVerificationCode },
  VerifyUserAttribute: { category: 'UserUpdate', run: own.verifyUserAttribute },
  DeleteUser: { category: 'UserUpdate', run: own.deleteUser },
  AdminInitiateAuth: { category: 'UserAuthentication', isAdmin: true, run: admin.adminInitiateAuth },
  AdminRespondToAuthChallenge: {
    category: 'UserAuthentication',
    isAdmin: true,
    run: admin.adminRespondToAuthChallenge,
  },
  AdminCreateUser: { category: 'UserCreation', isAdmin: true, run: admin.adminCreateUser },
  AdminConfirmSignUp: { category: 'UserCreation', isAdmin: true, run: admin.adminConfirmSignUp },
  AdminGetUser: { category: 'UserRead', isAdmin: true, run: admin.adminGetUser },
  AdminSetUserPassword: { category: 'UserAccountRecovery', isAdmin: true, run: admin.adminSetUserPassword },
  AdminResetUserPassword: {
    category: 'UserAccountRecovery',
    isAdmin: true,
    run: admin.adminResetUserPassword,
  },
  AdminUserGlobalSignOut: { category: 'UserToken', isAdmin: true, run: admin.adminUserGlobalSignOut },
  AdminEnableUser: {
    category: 'UserUpdate',
    isAdmin: true,
    run: (pools, input) => admin.adminSetEnabled(pools, input, true),
  },
  AdminDisableUser: {
    category: 'UserUpdate',
    isAdmin: true,
    run: (pools, input) => admin.adminSetEnabled(pools, input, false),
  },
  AdminDeleteUser: { category: 'UserUpdate', isAdmin: true, run: admin.adminDeleteUser },
  AdminUpdateUserAttributes: { category: 'UserUpdate', isAdmin: true, run: admin.adminUpdateUserAttributes },
  ListUsers: { category: 'UserList', isAdmin: true, run: admin.listUsers },
}
