import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileResponseHeadersPolicy, responseHeadersPolicySchema } from './config.ts'

const CORS = {
  accessControlAllowOrigins: ['*'],
  accessControlAllowHeaders: ['*'],
  accessControlAllowMethods: ['ALL'],
  accessControlAllowCredentials: false,
  originOverride: true,
}

const custom = (header: string, value = 'x') => ({
  customHeadersBehavior: { customHeaders: [{ header, value, override: true }] },
})

test('bad policies are refused with the path and what to do', () => {
  const xss = { protection: true, modeBlock: true, reportUri: 'https://example.org/r', override: true }
  const eleven = Array.from({ length: 11 }, (_each, i) => ({ header: `X-${i}`, value: '', override: true }))
  const twice = [
    { header: 'X-A', value: '1', override: true },
    { header: 'x-a', value: '2', override: true },
  ]
  const cases: readonly (readonly [unknown, string, RegExp])[] = [
    [{ cors: CORS }, '', /cors/],
    [{ corsBehavior: { ...CORS, maxAge: 5 } }, 'corsBehavior', /maxAge/],
    [
      { corsBehavior: { ...CORS, accessControlAllowOrigins: ['a.*'] } },
      'corsBehavior.accessControlAllowOrigins.0',
      /origin/,
    ],
    [
      { corsBehavior: { ...CORS, accessControlAllowOrigins: [] } },
      'corsBehavior.accessControlAllowOrigins',
      /./,
    ],
    [
      { corsBehavior: { ...CORS, accessControlAllowMethods: ['TRACE'] } },
      'corsBehavior.accessControlAllowMethods.0',
      /./,
    ],
    [
      { corsBehavior: { ...CORS, accessControlMaxAgeSeconds: -1 } },
      'corsBehavior.accessControlMaxAgeSeconds',
      /./,
    ],
    [
      { corsBehavior: { ...CORS, accessControlAllowHeaders: ['a b'] } },
      'corsBehavior.accessControlAllowHeaders.0',
      /name/,
    ],
    [
      { securityHeadersBehavior: { xssProtection: xss } },
      'securityHeadersBehavior.xssProtection.reportUri',
      /both/,
    ],
    [
      { securityHeadersBehavior: { frameOptions: { frameOption: 'ALLOW', override: true } } },
      'securityHeadersBehavior.frameOptions.frameOption',
      /./,
    ],
    [
      {
        securityHeadersBehavior: {
          contentSecurityPolicy: { contentSecurityPolicy: 'x'.repeat(1784), override: true },
        },
      },
      'securityHeadersBehavior.contentSecurityPolicy.contentSecurityPolicy',
      /1783/,
    ],
    [custom('X A'), 'customHeadersBehavior.customHeaders.0.header', /name/],
    [custom('X-A', 'a\r\nb'), 'customHeadersBehavior.customHeaders.0.value', /one line/],
    [custom('Content-Length'), 'customHeadersBehavior.customHeaders.0.header', /cannot be set/],
    [custom('X-Amz-Cf-Pop'), 'customHeadersBehavior.customHeaders.0.header', /cannot be set/],
    [
      custom('X-Frame-Options'),
      'customHeadersBehavior.customHeaders.0.header',
      /securityHeadersBehavior\.frameOptions/,
    ],
    [
      { customHeadersBehavior: { customHeaders: twice } },
      'customHeadersBehavior.customHeaders.1.header',
      /twice/,
    ],
    [{ customHeadersBehavior: { customHeaders: eleven } }, 'customHeadersBehavior.customHeaders', /10/],
    [{ removeHeaders: ['Via'] }, 'removeHeaders.0', /cannot be removed/],
    [{ removeHeaders: ['X-Fine', 'x-edge-location'] }, 'removeHeaders.1', /cannot be removed/],
    [{ serverTimingSamplingRate: 101 }, 'serverTimingSamplingRate', /100/],
    [{ serverTimingSamplingRate: 0.00001 }, 'serverTimingSamplingRate', /decimals/],
  ]
  for (const [config, path, message] of cases) {
    const result = responseHeadersPolicySchema.safeParse(config)
    assert.equal(result.success, false, JSON.stringify(config))
    const issue = result.error.issues.find((each) => each.path.join('.') === path)
    assert.ok(issue, `${path} in ${JSON.stringify(result.error.issues)}`)
    assert.match(issue.message, message)
  }
})

test('the values of security headers are put together', () => {
  const cases = [
    [{ xssProtection: { protection: true, override: false } }, 'X-XSS-Protection', '1'],
    [
      { xssProtection: { protection: true, modeBlock: true, override: false } },
      'X-XSS-Protection',
      '1; mode=block',
    ],
    [
      { xssProtection: { protection: true, reportUri: 'https://example.org/r', override: false } },
      'X-XSS-Protection',
      '1; report=https://example.org/r',
    ],
    [{ xssProtection: { protection: false, override: false } }, 'X-XSS-Protection', '0'],
    [{ contentTypeOptions: { override: false } }, 'X-Content-Type-Options', 'nosniff'],
    [{ frameOptions: { frameOption: 'DENY', override: false } }, 'X-Frame-Options', 'DENY'],
    [
      { referrerPolicy: { referrerPolicy: 'same-origin', override: false } },
      'Referrer-Policy',
      'same-origin',
    ],
    [
      { strictTransportSecurity: { accessControlMaxAgeSeconds: 60, override: false } },
      'Strict-Transport-Security',
      'max-age=60',
    ],
    [
      {
        strictTransportSecurity: {
          accessControlMaxAgeSeconds: 60,
          includeSubdomains: true,
          preload: true,
          override: false,
        },
      },
      'Strict-Transport-Security',
      'max-age=60; includeSubDomains; preload',
    ],
  ] as const
  for (const [securityHeadersBehavior, name, value] of cases) {
    const policy = compileResponseHeadersPolicy(
      responseHeadersPolicySchema.parse({ securityHeadersBehavior }),
    )
    assert.deepEqual(policy.set, [{ name, lowerName: name.toLowerCase(), value, override: false }])
  }
})

test('an empty policy does nothing, and ALL stands for all methods', () => {
  const empty = compileResponseHeadersPolicy(responseHeadersPolicySchema.parse({}), 'empty')
  assert.deepEqual(empty, {
    name: 'empty',
    remove: new Set(),
    cors: undefined,
    set: [],
    serverTimingRate: undefined,
  })
  const cors = compileResponseHeadersPolicy(responseHeadersPolicySchema.parse({ corsBehavior: CORS })).cors
  assert.deepEqual(cors?.allowMethods, ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'])
  assert.equal(cors?.anyOrigin, true)
})

test('every option has a description', () => {
  const missing: string[] = []
  const look = (schema: unknown, path: string): void => {
    if (typeof schema !== 'object' || schema === null) return
    if (path !== '' && !('description' in schema && typeof schema.description === 'string'))
      missing.push(path)
    // Behind a wrapper (default, optional) or a list lies the object whose options are looked at in turn.
    let inner: unknown = schema
    for (;;) {
      if (typeof inner !== 'object' || inner === null) return
      if ('shape' in inner) break
      if ('element' in inner) inner = inner.element
      else if ('unwrap' in inner && typeof inner.unwrap === 'function') inner = inner.unwrap()
      else return
    }
    for (const [key, value] of Object.entries(inner.shape ?? {}))
      look(value, path === '' ? key : `${path}.${key}`)
  }
  look(responseHeadersPolicySchema, '')
  assert.deepEqual(missing, [])
})
