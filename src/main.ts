import { setFlagsFromString } from 'node:v8'
import { createCli } from './cli/cli.ts'
import { enableLinearEngine } from './waf/regex/linear-engine.ts'

// Patterns of web ACLs are compiled after this; see decision 0020.
enableLinearEngine()

// Short-lived objects of requests are collected on the thread that made them: helpers on other threads shorten the
// pause by a millisecond or two and take more CPU time for it than they save (docs/decisions/0004).
setFlagsFromString('--no-parallel-scavenge')

// The only file that acts when it is imported: it reads the command line, and its exit code is the process's.
process.exitCode = await createCli({
  out: (line) => process.stdout.write(`${line}\n`),
  error: (line) => process.stderr.write(`${line}\n`),
  isTerminal: process.stdout.isTTY === true,
}).run(process.argv.slice(2))
