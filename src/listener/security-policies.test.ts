import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { connect, createServer, createSecureContext, DEFAULT_CIPHERS, type SecureVersion } from 'node:tls'
import { generate } from 'selfsigned'
import { securityPolicy, type SecurityPolicyName, securityPolicyNames } from './security-policies.ts'

const VERSIONS: readonly SecureVersion[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']

/** DG:secure-connections-supported-viewer-protocols-ciphers: number of ciphers, and the versions that connect. */
const table: Record<SecurityPolicyName, readonly [ciphers: number, versions: string]> = {
  SSLv3: [22, 'TLSv1 TLSv1.1 TLSv1.2 TLSv1.3'],
  TLSv1: [22, 'TLSv1 TLSv1.1 TLSv1.2 TLSv1.3'],
  TLSv1_2016: [22, 'TLSv1 TLSv1.1 TLSv1.2 TLSv1.3'],
  'TLSv1.1_2016': [22, 'TLSv1.1 TLSv1.2 TLSv1.3'],
  'TLSv1.2_2018': [16, 'TLSv1.2 TLSv1.3'],
  'TLSv1.2_2019': [13, 'TLSv1.2 TLSv1.3'],
  'TLSv1.2_2021': [9, 'TLSv1.2 TLSv1.3'],
  'TLSv1.2_2025': [7, 'TLSv1.2 TLSv1.3'],
  'TLSv1.3_2025': [2, 'TLSv1.3'],
}

test('each security policy takes the TLS versions that CloudFront takes', async () => {
  const pem = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec', curve: 'P-256' })
  for (const name of securityPolicyNames) {
    const { ciphers, minVersion } = securityPolicy(name)
    await using server = createServer({ cert: pem.cert, key: pem.private, ciphers, minVersion }, (socket) =>
      socket.end(),
    )
    server.on('tlsClientError', () => {})
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const taken: string[] = []
    for (const version of VERSIONS) {
      if (await connects((server.address() as AddressInfo).port, version)) taken.push(version)
    }
    assert.equal(taken.join(' '), table[name][1], name)
  }
})

test('each security policy has the ciphers that CloudFront has, and OpenSSL knows them all', () => {
  for (const name of securityPolicyNames) {
    const { ciphers } = securityPolicy(name)
    const list = ciphers.split(':').filter((each) => !each.startsWith('@'))
    assert.equal(list.length, table[name][0], name)
    for (const cipher of list)
      createSecureContext({ ciphers: cipher.startsWith('TLS_') ? cipher : `${cipher}:@SECLEVEL=0` })
  }
})

test('a newer policy never has a cipher that an older one lacks', () => {
  const lists = securityPolicyNames.map(
    (name) => new Set(securityPolicy(name).ciphers.replace(':@SECLEVEL=0', '').split(':')),
  )
  for (let i = 1; i < lists.length; i++)
    assert.ok(lists[i]!.isSubsetOf(lists[i - 1]!), securityPolicyNames[i]!)
})

/** Whether a client that speaks one version only, and every cipher, gets through. */
function connects(port: number, version: SecureVersion): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({
      port,
      host: '127.0.0.1',
      minVersion: version,
      maxVersion: version,
      ciphers: `${DEFAULT_CIPHERS}:AES128-SHA:@SECLEVEL=0`,
      rejectUnauthorized: false,
    })
    socket.on('secureConnect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
