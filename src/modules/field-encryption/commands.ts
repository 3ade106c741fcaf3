import { readFile } from 'node:fs/promises'
import { text as readAll } from 'node:stream/consumers'
import { exitCodes } from '../../base/exit.ts'
import { currentIdOf, nameOfKey, rotateKey } from '../../seams/keys/rotation.ts'
import type { KeyInfo, Keys } from '../../seams/keys/keys.ts'
import { SeamError } from '../../seams/seam-error.ts'
import type { CliKit } from '../module.ts'
import { MalformedError } from './formats/found-field.ts'
import { unprotectFields } from './unprotect-fields.ts'
import { defaultWrap } from './wire.ts'

/** `edgeward keys …` and `edgeward fields …`. */
export function addFieldCommands(cli: CliKit): void {
  const { program, output } = cli

  /** Runs with the keys of a configuration; tells what the seam refuses, and a running edge that there are others now. */
  async function withKeys(
    config: string | undefined,
    changes: boolean,
    act: (keys: Keys) => Promise<void>,
  ): Promise<void> {
    const plan = await cli.readPlan(config)
    if (plan === undefined) return cli.exit(exitCodes.badConfig)
    const seams = plan.openSeams()
    try {
      await act(await seams.keys())
      if (changes) await plan.askAdmin('POST', '/keys/refresh')
    } catch (error) {
      if (!(error instanceof SeamError)) throw error
      output.error(error.message)
      cli.exit(exitCodes.failed)
    } finally {
      await seams.close()
    }
  }

  const keys = program
    .command('keys')
    .description('RSA keys for field encryption: make, list, export, rotate, retire')
  keys
    .command('create')
    .description('make a key pair; the private half stays in the data folder (or in AWS KMS)')
    .argument('<name>', 'letters, digits, _, - and .')
    .option('--bits <number>', '2048, 3072 or 4096', '2048')
    .option('--description <text>', 'what the key is for', '')
    .option('-c, --config <file>', 'configuration file')
    .action(async (name: string, options: { bits: string; description: string; config?: string }) => {
      const bits = Number(options.bits)
      if (bits !== 2048 && bits !== 3072 && bits !== 4096) {
        output.error(`--bits ${options.bits}: expected 2048, 3072 or 4096`)
        return cli.exit(exitCodes.badConfig)
      }
      await withKeys(options.config, true, async (store) => {
        const info = await store.create(name, { bits, description: options.description })
        output.out(`made the key ${info.id} (${info.modulusBits} bits)`)
      })
    })
  keys
    .command('list')
    .description('list the keys; a star marks those that encrypt')
    .option('--json', 'print JSON', false)
    .option('-c, --config <file>', 'configuration file')
    .action(async (options: { json: boolean; config?: string }) =>
      withKeys(options.config, false, async (store) => {
        const infos = await store.list()
        if (options.json) output.out(JSON.stringify(infos, undefined, 2))
        else for (const line of table(infos)) output.out(line)
      }),
    )
  keys
    .command('export')
    .description('print the public half as PEM, which is also what CloudFront takes')
    .argument('<id>', 'the key')
    .option('-c, --config <file>', 'configuration file')
    .action(async (id: string, options: { config?: string }) =>
      withKeys(options.config, false, async (store) =>
        output.out((await store.exportPublicPem(id)).trimEnd()),
      ),
    )
  keys
    .command('rotate')
    .description('make the next key of a name: it encrypts from now on, the old ones still decrypt')
    .argument('<name>', 'the key')
    .option('-c, --config <file>', 'configuration file')
    .action(async (name: string, options: { config?: string }) =>
      withKeys(options.config, true, async (store) => {
        const info = await rotateKey(store, nameOfKey(name))
        output.out(`${info.id} encrypts from now on; the keys before it still decrypt`)
      }),
    )
  keys
    .command('retire')
    .description('take a key out of use: nothing is encrypted or decrypted with it any more')
    .argument('<id>', 'the key')
    .option('--undo', 'put it back into use', false)
    .option('--force', 'also when it is the only one of its name', false)
    .option('-c, --config <file>', 'configuration file')
    .action(async (id: string, options: { undo: boolean; force: boolean; config?: string }) =>
      withKeys(options.config, true, async (store) => {
        const infos = await store.list()
        const isCurrent = currentIdOf(infos, nameOfKey(id)) === id
        if (isCurrent && !options.undo && !options.force)
          throw new SeamError(
            'conflict',
            `the key "${id}" is the one that encrypts: rotate it first, or say --force`,
          )
        const { status } = await store.setStatus(id, options.undo ? 'enabled' : 'disabled')
        output.out(`the key ${id} is ${status}`)
      }),
    )

  program
    .command('fields')
    .description('work with encrypted fields')
    .command('decrypt')
    .description('open the encrypted fields of a document with the keys of this configuration')
    .argument('[file]', 'the document; standard input if left out')
    .option('-t, --type <content-type>', 'how it is written', 'application/json')
    .option('--prefix <text>', 'what stands before an encrypted value', defaultWrap.prefix)
    .option('--suffix <text>', 'what stands behind it', defaultWrap.suffix)
    .option('-c, --config <file>', 'configuration file')
    .action(
      async (
        file: string | undefined,
        options: { type: string; prefix: string; suffix: string; config?: string },
      ) => {
        let text: string
        try {
          text = file === undefined ? await readAll(process.stdin) : await readFile(file, 'utf8')
        } catch (error) {
          output.error(
            `${file ?? 'standard input'} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
          )
          return cli.exit(exitCodes.failed)
        }
        await withKeys(options.config, false, async (store) => {
          const sizes = new Map((await store.list()).map(({ id, modulusBits }) => [id, modulusBits / 8]))
          try {
            const result = await unprotectFields(
              text,
              { blockBytes: (id) => sizes.get(id), open: (id, block) => store.decryptOaepSha256(id, block) },
              { contentType: options.type, wrap: { prefix: options.prefix, suffix: options.suffix } },
            )
            output.out(result.text)
            output.error(
              `${result.opened} opened${result.left === 0 ? '' : `, ${result.left} left as they are`}`,
            )
          } catch (error) {
            if (!(error instanceof MalformedError)) throw error
            output.error(`${error.message}; say how it is written with --type`)
            cli.exit(exitCodes.failed)
          }
        })
      },
    )
}

function table(infos: readonly KeyInfo[]): string[] {
  if (infos.length === 0) return ['there are no keys; make one with: edgeward keys create NAME']
  const width = Math.max(...infos.map(({ id }) => id.length)) + 2
  return infos.map(({ id, status, modulusBits, createdAt, description }) => {
    const mark = currentIdOf(infos, nameOfKey(id)) === id ? '*' : ' '
    const day = new Date(createdAt).toISOString().slice(0, 10)
    return `${mark} ${id.padEnd(width)}${status.padEnd(10)}${modulusBits} bits  ${day}  ${description}`.trimEnd()
  })
}
