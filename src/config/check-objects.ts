import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Findings } from '../base/problem.ts'
import { BUCKET_KEYS } from '../seams/objects/config.ts'
import { systemCode } from '../seams/seam-error.ts'
import { type Environment, checkVariable } from './check-environment.ts'
import type { EdgeConfig } from './schema.ts'
import type { Salvaged } from './salvage.ts'

/** The key `objects`: stores that are both or neither, settings of the other kind, folders that are none, variables. */
export async function checkObjects(
  view: Salvaged<EdgeConfig>,
  baseFolder: string,
  environment: Environment,
  findings: Findings,
): Promise<void> {
  for (const [name, store] of Object.entries(view.objects ?? {})) {
    if (store === undefined) continue
    const place = ['objects', name]
    const { folder, bucket, credentials, endpoint, pathStyle } = store
    if ('folder' in store === 'bucket' in store) {
      findings.error(
        place,
        'folder' in store ? 'has both folder and bucket' : 'has neither folder nor bucket',
        {
          expected: 'exactly one of folder and bucket',
        },
      )
      continue
    }
    if ('folder' in store) {
      for (const key of BUCKET_KEYS)
        if (store[key] !== undefined)
          findings.error([...place, key], `${key} belongs to a bucket, and this store is a folder`, {
            hint: 'remove it, or set bucket instead of folder',
          })
      if (folder !== undefined && (await isNoFolder(resolve(baseFolder, folder))))
        findings.error([...place, 'folder'], `${resolve(baseFolder, folder)} is no folder`, {
          hint: 'name a folder, or one that can be made',
        })
      continue
    }
    const { accessKeyId, secretAccessKey, sessionToken } = credentials ?? {}
    for (const [key, reference] of Object.entries({ accessKeyId, secretAccessKey, sessionToken }))
      if (typeof reference === 'object')
        checkVariable(reference.env, [...place, 'credentials', key, 'env'], environment, findings)
    const isOddName =
      bucket
        ?.replace(/^s3:\/\//, '')
        .split('/')[0]
        ?.includes('.') === true
    if (isOddName && endpoint === undefined && pathStyle !== true)
      findings.warning([...place, 'bucket'], 'a bucket name with dots does not match the certificate of S3', {
        hint: 'set pathStyle: true',
      })
  }
}

/** True where something else than a folder has the name, or stands above it. */
async function isNoFolder(path: string): Promise<boolean> {
  try {
    return !(await stat(path)).isDirectory()
  } catch (error) {
    return systemCode(error) === 'ENOTDIR'
  }
}
