import { exitCodes, type ExitCode, type Output } from '../base/exit.ts'
import { askAdmin } from './ask-admin.ts'
import { readConfig } from './problems.ts'
import { compilePlan } from '../config/compile.ts'
import { noEdge, refusal } from './admin-answers.ts'

export interface InvalidateOptions {
  readonly paths: readonly string[]
  readonly tag: readonly string[]
  readonly distribution?: string
  readonly soft: boolean
  readonly all: boolean
  readonly config?: string
}

/** `edgeward invalidate`: takes responses out of the running edge's cache, or marks them stale. */
export async function invalidateCommand(options: InvalidateOptions, output: Output): Promise<ExitCode> {
  const { paths, tag, distribution, soft, all } = options
  const selects = paths.length > 0 || tag.length > 0 || distribution !== undefined
  if (!selects && !all) {
    output.error(
      'say what: paths (/news/42, /news/*), --tag, --distribution, or --all for everything there is',
    )
    return exitCodes.badConfig
  }
  if (all && (paths.length > 0 || tag.length > 0)) {
    output.error('--all is everything: leave out paths and tags, or leave out --all')
    return exitCodes.badConfig
  }
  const relative = paths.find((path) => !path.startsWith('/'))
  if (relative !== undefined) {
    output.error(`the path ${JSON.stringify(relative)} does not begin with /`)
    return exitCodes.badConfig
  }
  const read = await readConfig(options.config, output)
  if (read === undefined) return exitCodes.badConfig
  const plan = compilePlan(read.checked, { baseFolder: read.baseFolder, version: 1 })
  const reply = await askAdmin(plan, read.dataFolder, 'POST', '/cache/invalidate', {
    ...(paths.length === 0 ? {} : { paths }),
    ...(tag.length === 0 ? {} : { tags: tag }),
    ...(distribution === undefined ? {} : { distribution }),
    soft,
    all,
  })
  if (reply === undefined) return noEdge(plan, output)
  if (reply.status !== 200) return refusal(reply, output)
  // The shape is our own: the same version of this program answers on the admin port it configured.
  const { entries } = reply.body as { entries: number }
  const what = `${entries} stored ${entries === 1 ? 'response' : 'responses'}`
  output.out(`${what} ${soft ? 'marked stale' : 'removed'}`)
  return exitCodes.ok
}
