import { createCli } from './cli/cli.ts'
import { enableLinearEngine } from './waf/regex/linear-engine.ts'

// Patterns of web ACLs are compiled after this; see decision 0020.
enableLinearEngine()

// The only file that acts when it is imported: it reads the command line, and its exit code is the process's.
process.exitCode = await createCli({
  out: (line) => process.stdout.write(`${line}\n`),
  error: (line) => process.stderr.write(`${line}\n`),
  isTerminal: process.stdout.isTTY === true,
}).run(process.argv.slice(2))
