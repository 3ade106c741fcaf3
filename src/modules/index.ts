import { fieldEncryption, fieldEncryptionSchema } from './field-encryption/index.ts'
import type { Module, ModuleSchemas } from './module.ts'

/** All modules. Their hooks run at each stage in this order. */
export const modules: readonly Module[] = [fieldEncryption]

/** The keys that modules add to a configuration. The types of the configuration are read off this table. */
export const moduleSchemas = {
  configuration: {},
  distribution: {},
  behavior: {
    fieldEncryption: fieldEncryptionSchema.optional(),
  },
  origin: {},
} as const satisfies ModuleSchemas
