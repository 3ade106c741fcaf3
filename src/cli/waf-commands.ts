import { type Command } from 'commander'
import type { ExitCode, Output } from '../base/exit.ts'
import { ipSetCommand, type IpSetOptions } from './ipset.ts'
import { wafCommand, type WafOptions } from './waf.ts'

interface Common {
  readonly config?: string
  readonly json: boolean
}

/** The commands `waf` and `ipset`. */
export function addWafCommands(program: Command, output: Output, done: (code: ExitCode) => void): void {
  const waf = program.command('waf').description('show web ACLs and what they have decided')
  const wafAction = (action: WafOptions['action'], description: string): Command =>
    withCommon(
      waf
        .command(action)
        .description(description)
        .argument('[acl]', 'name of the web ACL; the first unless given'),
    ).action(async (acl: string | undefined, { config, json, rule }: Common & { rule?: string }) => {
      done(await wafCommand({ action, acl, rule, config, json }, output))
    })
  wafAction('rules', 'rules in the order of evaluation, their capacity units, fidelity of managed groups')
  wafAction('samples', 'requests of the last three hours, sampled per rule').option(
    '-r, --rule <name>',
    'metric name of the rule; Default_Action unless given',
  )
  wafAction('counts', 'how often each rule and label decided or matched')
  wafAction('limited', 'whom the rate-based rules limit at this moment')

  const ipset = program
    .command('ipset')
    .description('show and change IP sets; changes are in force at once and survive a restart')
  const setAction = (action: IpSetOptions['action'], usage: string, description: string): void => {
    withCommon(ipset.command(usage).description(description)).action(async (...given: readonly unknown[]) => {
      // Commander gives the arguments, then the options, then the command.
      const [options] = given.slice(-2) as [Common]
      const [name = '', addresses = []] = given.slice(0, -2) as [string?, string[]?]
      done(
        await ipSetCommand({ action, name, addresses, config: options.config, json: options.json }, output),
      )
    })
  }
  setAction('list', 'list', 'all IP sets that rules refer to')
  setAction('show', 'show <name>', 'the blocks of a set')
  setAction('add', 'add <name> <addresses...>', 'add addresses or CIDR blocks')
  setAction('remove', 'remove <name> <addresses...>', 'take addresses or CIDR blocks out')
  setAction('set', 'set <name> [addresses...]', 'replace all blocks')
  setAction('reset', 'reset <name>', 'go back to what is configured')
}

function withCommon(command: Command): Command {
  return command.option('-c, --config <file>', 'configuration file').option('--json', 'print JSON', false)
}
