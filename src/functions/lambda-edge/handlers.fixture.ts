import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../base/clock.ts'
import type { PlannedLambda } from '../../planned-functions.ts'
import { createBundler } from './bundle.ts'
import { prepareFunction } from './package.ts'
import { LambdaPool } from './pool.ts'
import type { WorkerLog } from './protocol.ts'

/** For tests: a folder with files in it, removed at the end. */
export class HandlerFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'edgeward-test-'))

  constructor(files: Readonly<Record<string, string>>) {
    for (const [name, text] of Object.entries(files)) this.write(name, text)
  }

  write(name: string, text: string): string {
    const file = join(this.path, name)
    writeFileSync(file, text)
    return file
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

export function lambdaOf(parts: Partial<PlannedLambda> & Pick<PlannedLambda, 'file'>): PlannedLambda {
  return {
    kind: 'lambda-edge',
    name: 'sample',
    identity: parts.file,
    handler: 'index.handler',
    includeBody: false,
    memoryMb: 128,
    timeoutMs: 5000,
    isolation: 'process',
    concurrency: 32,
    maxWorkers: 4,
    maxWaiting: 1000,
    env: {},
    ...parts,
  }
}

/** A pool that is closed with its scope, and what its handlers said too late. */
export function openPool(parts: Partial<PlannedLambda> & Pick<PlannedLambda, 'file'>) {
  const planned = lambdaOf(parts)
  const bundler = createBundler()
  const strayLogs: WorkerLog[] = []
  const pool = new LambdaPool({
    clock: systemClock,
    function: planned,
    prepare: () => prepareFunction(planned, bundler),
    onStrayLogs: (logs) => strayLogs.push(...logs),
  })
  return {
    pool,
    strayLogs,
    invoke: (event: unknown) => pool.invoke(JSON.stringify(event)),
    async [Symbol.asyncDispose](): Promise<void> {
      pool.close()
      await bundler.close()
    },
  }
}
