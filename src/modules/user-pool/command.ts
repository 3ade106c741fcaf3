import { join, resolve } from 'node:path'
import { systemClock } from '../../base/clock.ts'
import { exitCodes, type ExitCode } from '../../base/exit.ts'
import type { CliKit } from '../module.ts'

interface Options {
  readonly port: string
  readonly host: string
  readonly data: string
  readonly pool: string
  readonly client: string
  readonly publicClient: string
  readonly usernames: string
  readonly showSecret: boolean
}

/** `edgeward user-pool`: a pool without an edge, for whoever has none. */
export function addUserPoolCommand(cli: CliKit): void {
  cli.program
    .command('user-pool')
    .description(
      'run a user pool with the API of Amazon Cognito, for development and small private installations',
    )
    .option('-p, --port <port>', 'port of the API', '9230')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('-d, --data <folder>', 'folder for users and secrets', '.edgeward')
    .option('--pool <id>', 'id of the pool', 'local_edgeward')
    .option('--client <id>', 'id of the client with a secret', 'confidential')
    .option('--public-client <id>', 'id of the client without one', 'public')
    .option('--usernames <kind>', 'plain, or email where people sign in with their address', 'plain')
    .option('--show-secret', 'print the client secret and the key of the administrator', false)
    .action(async (options: Options) => cli.exit(await serve(cli, options)))
}

async function serve({ output }: CliKit, options: Options): Promise<ExitCode> {
  const { userPoolSchema } = await import('./config.ts')
  const parsed = userPoolSchema.safeParse({
    port: Number(options.port),
    host: options.host,
    administrators: { LOCALADMIN: 'user-pool/administrator' },
    pools: {
      [options.pool]: {
        usernames: options.usernames,
        clients: { [options.client]: { secret: 'user-pool/client' }, [options.publicClient]: {} },
      },
    },
  })
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      // A key that is wrong says why one level down.
      const message = (issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined) ?? issue.message
      output.error(`${issue.path.join('.')}: ${message}`)
    }
    return exitCodes.badConfig
  }
  const folder = resolve(options.data)
  const [{ openEmbeddedSecrets }, { runUserPool }] = await Promise.all([
    import('../../seams/secrets/embedded.ts'),
    import('./run.ts'),
  ])
  const secrets = await openEmbeddedSecrets({ file: join(folder, 'secrets'), clock: systemClock })
  try {
    const running = await runUserPool(
      { ...parsed.data, file: join(folder, 'user-pool.sqlite') },
      {
        clock: systemClock,
        secrets,
        report: { info: (line) => output.error(line), error: (line) => output.error(line) },
      },
    )
    output.out(`user-pool listening on ${running.url}`)
    output.error(
      `  pool ${options.pool}, clients ${options.client} (with a secret) and ${options.publicClient} (without)`,
    )
    output.error(`  codes are printed here; users and secrets lie in ${folder}`)
    if (options.showSecret) {
      output.out(`client secret: ${secrets.handle('user-pool/client').current?.value.reveal()}`)
      output.out(
        `administrator: LOCALADMIN ${secrets.handle('user-pool/administrator').current?.value.reveal()}`,
      )
    } else output.error('  --show-secret prints the client secret and the key of the administrator')
    await new Promise<void>((done) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done())
    })
    await running.close()
    return exitCodes.ok
  } catch (error) {
    output.error(error instanceof Error ? error.message : String(error))
    return exitCodes.failed
  } finally {
    await secrets.close()
  }
}
