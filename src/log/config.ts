import { resolve } from 'node:path'
import { z } from 'zod'
import type { PlannedLog } from '../plan.ts'

const MEGABYTE = 1 << 20

const accessSchema = z
  .strictObject({
    folder: z
      .string()
      .min(1)
      .describe('Folder for the log files, relative to the configuration file; made if missing.'),
    format: z
      .enum(['standard', 'json'])
      .default('standard')
      .describe(
        '`standard`: the tab-separated fields of CloudFront; `json`: one object per line, names and texts as in CloudFront standard logging v2.',
      ),
    prefix: z
      .string()
      .max(256)
      .regex(/^[^/\0]*$/, 'a prefix is the beginning of a file name and has no slash')
      .default('')
      .describe('Beginning of every file name.'),
    gzip: z.boolean().default(true).describe('Compress files when they are finished.'),
    rotateMegabytes: z.number().min(1).max(4096).default(64).describe('A new file begins after this size.'),
    rotateMinutes: z
      .number()
      .int()
      .min(1)
      .max(1440)
      .default(60)
      .describe('A new file begins after this time.'),
    maxPendingLines: z
      .number()
      .int()
      .min(100)
      .max(10_000_000)
      .default(100_000)
      .describe('Lines that may wait to be written; more are dropped and counted.'),
  })
  .describe('The access log of CloudFront, in files.')

/** The key `log` of a configuration. */
export const logSchema = z
  .strictObject({
    access: accessSchema.optional(),
    capture: z
      .strictObject({
        folder: z
          .string()
          .min(1)
          .describe('Folder for the capture files, relative to the configuration file.'),
        sample: z.number().min(0).max(1).default(0.01).describe('Share of the requests that is captured.'),
        maxFileMegabytes: z
          .number()
          .min(1)
          .max(4096)
          .default(64)
          .describe('A new file begins after this size; two are kept.'),
      })
      .describe('A sample of requests and their visits, for replay; secrets are left out.')
      .optional(),
    keepVisits: z
      .number()
      .int()
      .min(0)
      .max(100_000)
      .default(1000)
      .describe('How many of the last requests the admin port can tell about.'),
    console: z.boolean().default(false).describe('One readable line per request on standard output.'),
  })
  .describe('What is written about requests.')

/** Compiles the key `log`; folders are relative to `baseFolder`. */
export function compileLog(config: z.output<typeof logSchema>, baseFolder: string): PlannedLog {
  const { access, capture } = config
  return {
    access:
      access === undefined
        ? undefined
        : {
            folder: resolve(baseFolder, access.folder),
            format: access.format,
            prefix: access.prefix,
            gzip: access.gzip,
            rotateBytes: access.rotateMegabytes * MEGABYTE,
            rotateMs: access.rotateMinutes * 60_000,
            maxPendingLines: access.maxPendingLines,
          },
    capture:
      capture === undefined
        ? undefined
        : {
            folder: resolve(baseFolder, capture.folder),
            sample: capture.sample,
            maxFileBytes: capture.maxFileMegabytes * MEGABYTE,
          },
    keepVisits: config.keepVisits,
    console: config.console,
  }
}
