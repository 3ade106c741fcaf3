import { cognitoProxy, cognitoProxySchema } from './cognito-proxy/index.ts'
import { fieldEncryption, fieldEncryptionSchema } from './field-encryption/index.ts'
import { imageEngineSchema, images, imagesSchema } from './images/index.ts'
import { ipRanges, ipRangesSchema } from './ip-ranges/index.ts'
import type { Module, ModuleSchemas } from './module.ts'
import { originVerify, originVerifySchema } from './origin-verify/index.ts'
import { userPool, userPoolSchema } from './user-pool/index.ts'

/** All modules. Their hooks run at each stage in this order. */
export const modules: readonly Module[] = [
  userPool,
  cognitoProxy,
  fieldEncryption,
  images,
  originVerify,
  ipRanges,
]

/** The keys that modules add to a configuration. The types of the configuration are read off this table. */
export const moduleSchemas = {
  configuration: {
    images: imageEngineSchema.optional(),
    ipRanges: ipRangesSchema.optional(),
    userPool: userPoolSchema.optional(),
  },
  distribution: {},
  behavior: {
    cognitoProxy: cognitoProxySchema.optional(),
    fieldEncryption: fieldEncryptionSchema.optional(),
    images: imagesSchema.optional(),
  },
  origin: { originVerify: originVerifySchema.optional() },
} as const satisfies ModuleSchemas
