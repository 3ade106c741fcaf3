import type { Command } from 'commander'
import { exitCodes, type ExitCode, type Output } from '../../../base/exit.ts'
import { asError } from '../../../seams/seam-error.ts'
import type { CliKit, CliPlan } from '../../module.ts'
import { allBuckets, type PicturePlace, picturePlaces } from './picture-places.ts'
import { readSelection, tagsSelected } from './select-sources.ts'
import { type Purged, totalOf } from './shelf.ts'
import { purgeObjects } from './variant-objects.ts'

interface PurgeChoices {
  readonly source?: string
  readonly bucket?: string
  readonly all?: true
  readonly config?: string
}

/** `edgeward images purge`: removes stored variants, by the running edge or, where none runs, from the store itself. */
export function addPurgeCommand(images: Command, cli: CliKit): void {
  images
    .command('purge')
    .description(
      'remove stored variants, and what the caches of all its processes have of the same sources; they are made anew when they are asked for',
    )
    .option('-s, --source <key>', 'variants of one source: cats/1.jpg; or of all whose key begins so: cats/*')
    .option('-b, --bucket <name>', 'only of this source of the configuration (`images.sources`)')
    .option('-a, --all', 'all variants')
    .option('-c, --config <file>', 'the configuration; edgeward.config.* of this folder unless given')
    .addHelpText(
      'after',
      `
Examples:
  edgeward images purge --source cats/1.jpg     every size and format of cats/1.jpg
  edgeward images purge --source 'cats/*'       quotes keep the shell from reading the *
  edgeward images purge --all -c site.config.ts

Exit codes: 0 done, also when there was nothing; 1 a store or the edge failed; 2 the command or the configuration is wrong.`,
    )
    .action(async (choices: PurgeChoices) => {
      cli.exit(await purge(choices, cli))
    })
}

async function purge({ source, bucket, all, config }: PurgeChoices, cli: CliKit): Promise<ExitCode> {
  const { output } = cli
  const mistake = mistakeOf(source, bucket, all === true)
  if (mistake !== undefined) {
    output.error(`edgeward images purge: ${mistake}`)
    return exitCodes.badConfig
  }
  const plan = await cli.readPlan(config)
  if (plan === undefined) return exitCodes.badConfig
  const order = {
    ...(source === undefined ? { all: true } : { source }),
    ...(bucket === undefined ? {} : { bucket }),
  }
  const reply = await plan.askAdmin('POST', '/images/purge', order)
  if (reply === undefined) return purgeStores(plan, source, bucket, output)
  if (reply.status !== 200) {
    const { error } = reply.body as { readonly error?: string }
    output.error(`edgeward images purge: ${error ?? `the running edge answered ${reply.status}`}`)
    return reply.status === 404 || reply.status === 400 ? exitCodes.badConfig : exitCodes.failed
  }
  // The shape is our own: the same version of this program answers on the admin port it configured.
  const { variants, bytes, responses } = reply.body as Purged & { readonly responses: number }
  output.out(`${told(variants, bytes)}; ${count(responses, 'response')} of the edge's cache removed`)
  return exitCodes.ok
}

function mistakeOf(source: string | undefined, bucket: string | undefined, all: boolean): string | undefined {
  if (source === undefined && !all)
    return 'say what: --source KEY, --source "PREFIX*", or --all for everything there is'
  if (source !== undefined && all) return '--all is everything: leave out --source, or leave out --all'
  if (source?.replace(/^\/+/, '') === '') return 'the source is empty: give its key, such as cats/1.jpg'
  if (bucket !== undefined && source === undefined)
    return '--bucket needs a --source; for all of a bucket it is --source "*"'
  return undefined
}

async function purgeStores(
  plan: CliPlan,
  source: string | undefined,
  bucket: string | undefined,
  output: Output,
): Promise<ExitCode> {
  const places = picturePlaces(plan.plan)
  const names = storesOf(places)
  if (names.length === 0) {
    output.error(
      'edgeward images purge: no edge answers, and no behavior of the configuration stores variants (images.variants)',
    )
    return exitCodes.badConfig
  }
  const known = allBuckets(places)
  if (bucket !== undefined && !known.has(bucket)) {
    output.error(`edgeward images purge: there is no source ${bucket}; known: ${[...known].join(', ')}`)
    return exitCodes.badConfig
  }
  const seams = plan.openSeams()
  try {
    const purged: Purged[] = []
    const selection = source === undefined ? undefined : readSelection(source, bucket)
    for (const name of names) purged.push(await purgeObjects(await seams.objects(name), selection))
    // Edges on other machines may share the state of the one that does not answer.
    const { invalidations } = await seams.state()
    for (const [id, behaviors] of Map.groupBy(places, ({ distributionId }) => distributionId)) {
      const tags = tagsSelected(selection, allBuckets(behaviors))
      const items = tags.map((value) => ({ kind: 'tag', value, soft: false }) as const)
      if (items.length > 0)
        await invalidations.log(id).append({ id: crypto.randomUUID(), items, by: 'edgeward images purge' })
    }
    const { variants, bytes } = totalOf(purged)
    output.out(told(variants, bytes))
    output.error(
      'no edge answers: edges that share its state are told; what a cache on disk holds stays there until its edge runs and `edgeward invalidate --tag images` takes it out',
    )
    return exitCodes.ok
  } catch (error) {
    output.error(`edgeward images purge: ${asError(error).message}`)
    return exitCodes.failed
  } finally {
    await seams.close()
  }
}

function storesOf(places: readonly PicturePlace[]): readonly string[] {
  return [...new Set(places.flatMap(({ config: { variants } }) => variants?.objects ?? []))]
}

function told(variants: number, bytes: number): string {
  return `${count(variants, 'stored variant')} removed, ${bytes.toLocaleString('en')} bytes`
}

function count(number: number, what: string): string {
  return `${number.toLocaleString('en')} ${what}${number === 1 ? '' : 's'}`
}
