import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  compileIdentity,
  compileListener,
  identitySchema,
  limitsSchema,
  listenerSchema,
  trustedProxiesSchema,
} from './config.ts'

test('a listener says where it listens, or takes the address it is given', () => {
  const open = compileListener(listenerSchema.parse({ port: 8080 }), '/base', '::')
  assert.deepEqual(open, { host: '::', port: 8080, tls: undefined, proxyProtocol: false, fastLane: true })
  assert.equal(
    compileListener(listenerSchema.parse({ port: 1, host: '127.0.0.1' }), '/base', '::').host,
    '127.0.0.1',
  )
})

test('files of certificates are relative to the configuration', () => {
  const certificates = [{ cert: 'a.pem', key: '/keys/a.key' }]
  const { tls } = compileListener(listenerSchema.parse({ port: 1, tls: { certificates } }), '/base', '::')
  assert.deepEqual(tls?.certificates, [{ certFile: '/base/a.pem', keyFile: '/keys/a.key' }])
  assert.equal(tls?.securityPolicy, 'TLSv1.2_2021')
  assert.equal(tls?.minVersion, 'TLSv1.2')
})

test('limits have defaults', () => {
  const limits = limitsSchema.parse({ headTimeoutMs: 5 })
  assert.equal(limits.headTimeoutMs, 5)
  assert.equal(limits.maxBodyBytes, 64 * 1024 ** 3)
  assert.equal(limits.tunnelIdleTimeoutMs, 600_000)
})

test('an identity is a name, or a name with changes', () => {
  assert.equal(compileIdentity(identitySchema.parse(undefined)).server, 'edgeward')
  const like = compileIdentity(identitySchema.parse('cloudfront'))
  assert.deepEqual(
    [like.server, like.xCacheSuffix, like.userAgent],
    ['CloudFront', 'cloudfront', 'Amazon CloudFront'],
  )
  const own = compileIdentity(identitySchema.parse({ name: 'cloudfront', pop: 'FRA50-C1' }))
  assert.deepEqual([own.server, own.pop], ['CloudFront', 'FRA50-C1'])
  assert.equal(identitySchema.safeParse({ server: 'a\r\nb: c' }).success, false)
})

test('trusted proxies are address ranges', () => {
  assert.equal(trustedProxiesSchema.safeParse(['10.0.0.0/8', '::1', '192.0.2.1']).success, true)
  assert.equal(trustedProxiesSchema.safeParse(['proxy.example']).success, false)
})
