/**
 * `npm run setup [-- --bench]`: installs from Debian packages what the tests need, and with `--bench` the peers that
 * benchmarks compare with. Does nothing when nothing is missing. Where it may not install it prints the command to
 * run and exits 1. No service is started or enabled.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'

interface Requirement {
  readonly package: string
  /** A command on the PATH, or a file when it begins with `/`. */
  readonly brings: string
  readonly why: string
  /** The systemd unit the package enables, which must stay off: peers run in temporary folders. */
  readonly service?: string
}

const FOR_TESTS: readonly Requirement[] = [
  { package: 'chromium', brings: 'chromium', why: 'browser tests' },
  {
    package: 'curl',
    brings: 'curl',
    why: 'a client that is not ours speaks HTTP/1.1 and HTTP/2 to the listener',
  },
  {
    package: 'openssl',
    brings: 'openssl',
    why: 'TLS handshakes and certificates made by another implementation',
  },
  {
    package: 'modsecurity-crs',
    brings: '/usr/share/modsecurity-crs',
    why: 'the Core Rule Set, run by the WAF and by its peer in benchmarks',
  },
  { package: 'nghttp2-client', brings: 'h2load', why: 'HTTP/2 under load; also brings nghttp' },
  {
    package: 'nginx-light',
    brings: 'nginx',
    why: 'an origin that checks the secret header; peer of benchmarks: proxy and cache',
    service: 'nginx',
  },
  {
    package: 'nftables',
    brings: '/usr/sbin/nft',
    why: 'the firewall that ip-ranges fills, in a network namespace of a test',
  },
  {
    package: 'iproute2',
    brings: '/sbin/ip',
    why: 'makes that network namespace',
  },
  { package: 'apache2-bin', brings: 'apache2', why: 'another origin that checks the secret header' },
]

const FOR_BENCHMARKS: readonly Requirement[] = [
  { package: 'wrk', brings: 'wrk', why: 'generates load' },
  { package: 'haproxy', brings: 'haproxy', why: 'peer: proxy', service: 'haproxy' },
  { package: 'caddy', brings: 'caddy', why: 'peer: proxy', service: 'caddy' },
  { package: 'varnish', brings: 'varnishd', why: 'peer: cache; also brings varnishncsa', service: 'varnish' },
  {
    package: 'libnginx-mod-http-modsecurity',
    brings: '/usr/lib/nginx/modules/ngx_http_modsecurity_module.so',
    why: 'peer: web application firewall',
  },
  {
    package: 'libnginx-mod-http-image-filter',
    brings: '/usr/lib/nginx/modules/ngx_http_image_filter_module.so',
    why: 'peer: pictures',
  },
  { package: 'imagemagick', brings: 'convert', why: 'peer: pictures' },
]

const { values } = parseArgs({ options: { bench: { type: 'boolean', default: false } } })
const required = values.bench ? [...FOR_TESTS, ...FOR_BENCHMARKS] : FOR_TESTS
const missing = required.filter((requirement) => !isThere(requirement))
process.exitCode = missing.length === 0 ? 0 : install(missing)

function install(missing: readonly Requirement[]): number {
  const names = missing.map((requirement) => requirement.package).join(' ')
  for (const { package: name, brings, why } of missing)
    console.error(`missing: ${brings} from ${name} (${why})`)

  if (!isOnPath('apt-get')) {
    console.error(
      'This machine has no apt-get: install these commands in its own way and run npm run setup again.',
    )
    return 1
  }
  if (process.getuid?.() !== 0) {
    // One process as root does it all, because it must also hold services back while packages are installed.
    if (isOnPath('sudo') && succeeds('sudo', ['-n', 'true'])) {
      return run('sudo', ['-n', process.execPath, import.meta.filename, ...process.argv.slice(2)])
    }
    console.error(
      `Run this, then try again:\n  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${names}`,
    )
    return 1
  }

  const allowServices = holdServicesBack()
  try {
    // The lists of packages are read anew only when the present ones do not lead to a package.
    if (aptInstall(missing) !== 0 && (run('apt-get', ['update']) !== 0 || aptInstall(missing) !== 0)) {
      console.error(`apt-get could not install ${names}; what it said is above.`)
      return 1
    }
  } finally {
    allowServices()
  }
  keepServicesOff(missing)

  const stillMissing = missing.filter((requirement) => !isThere(requirement))
  for (const { package: name, brings } of stillMissing) {
    console.error(`${name} is installed but brings no ${brings}; correct the table in tools/setup.ts`)
  }
  return stillMissing.length === 0 ? 0 : 1
}

function aptInstall(missing: readonly Requirement[]): number {
  const names = missing.map((requirement) => requirement.package)
  return run('apt-get', [
    'install',
    '-y',
    '--no-install-recommends',
    '-o',
    'DPkg::Lock::Timeout=300',
    ...names,
  ])
}

/**
 * Debian starts a service as soon as its package is configured, unless `/usr/sbin/policy-rc.d` answers 101.
 * https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt
 * Returns what undoes it. A policy left behind by a run that was killed is recognised and undone as well.
 */
function holdServicesBack(): () => void {
  const policy = '/usr/sbin/policy-rc.d'
  const kept = `${policy}.before-edgeward`
  const ours =
    '#!/bin/sh\n# Written by the setup of Edgeward while it installs packages; safe to remove.\nexit 101\n'
  const isOurs = existsSync(policy) && readFileSync(policy, 'utf8') === ours
  if (existsSync(policy) && !isOurs) renameSync(policy, kept)
  writeFileSync(policy, ours)
  chmodSync(policy, 0o755)

  return () => {
    rmSync(policy)
    if (existsSync(kept)) renameSync(kept, policy)
  }
}

/** Installing also enables a service for the next boot. */
function keepServicesOff(installed: readonly Requirement[]): void {
  if (!isOnPath('systemctl')) return
  for (const { service } of installed) {
    if (service !== undefined) run('systemctl', ['disable', '--quiet', service])
  }
}

function isThere({ brings }: Requirement): boolean {
  return brings.startsWith('/') ? existsSync(brings) : isOnPath(brings)
}

function isOnPath(command: string): boolean {
  // Servers live in sbin, which is not on everyone's PATH.
  const folders = [
    ...(process.env['PATH'] ?? '').split(path.delimiter),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
  ]
  return folders.some((folder) => existsSync(path.join(folder, command)))
}

function run(command: string, args: readonly string[]): number {
  console.error(`$ ${command} ${args.join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env }).status ?? 1
}

function succeeds(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}
