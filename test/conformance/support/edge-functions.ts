import type { FunctionEventName } from '../../../src/planned-functions.ts'

/** A function written for a sample event, and everything it is to change. */
export interface SampleCase {
  readonly source: string
  /** Where the event itself does not say at which event it happens, or says it wrongly for what the sample does. */
  readonly at?: FunctionEventName
  readonly result: 'request' | 'response'
  /** Every line of the diff, in its order: nothing more and nothing less may change. */
  readonly changes: readonly string[]
  readonly body?: string
  /** Part of an origin that was chosen. */
  readonly origin?: unknown
}

/** Keys for the functions that read a store, in AWS's import format. */
export const storeContent = {
  data: [{ key: 'jwt.secret', value: 'LzdWGpAToQ1DqYuzHxE6YOqi7G3X2yvNBot9mCXfx5k' }],
}

/** A time at which the sample's valid token is valid. */
export const SAMPLE_NOW = Date.UTC(2023, 5, 1)

const cacheControl = `function handler(event) {
  var response = event.response
  response.headers['cache-control'] = { value: 'public, max-age=63072000' }
  return response
}`
const cors = `function handler(event) {
  var response = event.response
  if (!response.headers['access-control-allow-origin'] && event.request.headers['origin']) {
    response.headers['access-control-allow-origin'] = { value: event.request.headers['origin'].value }
  }
  return response
}`
const originHeader = `function handler(event) {
  var request = event.request
  if (!request.headers.origin) request.headers.origin = { value: 'https://' + request.headers.host.value }
  return request
}`
const security = `function handler(event) {
  var headers = event.response.headers
  headers['strict-transport-security'] = { value: 'max-age=63072000; includeSubdomains; preload' }
  headers['content-security-policy'] = { value: "default-src 'none'; img-src 'self'; script-src 'self'" }
  headers['x-content-type-options'] = { value: 'nosniff' }
  headers['x-frame-options'] = { value: 'DENY' }
  return event.response
}`
const trueClientIp = `function handler(event) {
  var request = event.request
  request.headers['true-client-ip'] = { value: event.viewer.ip }
  return request
}`
const jwt = `import cf from 'cloudfront'
var crypto = require('crypto')
var refusal = { statusCode: 401, statusDescription: 'Unauthorized' }
function decode(part) { return JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) }
async function isValid(token) {
  var parts = token.split('.')
  if (parts.length !== 3) return false
  var secret = await cf.kvs().get('jwt.secret')
  var signature = crypto.createHmac('sha256', secret).update(parts[0] + '.' + parts[1]).digest('base64url')
  if (signature !== parts[2]) return false
  var payload = decode(parts[1])
  if (payload.nbf && Date.now() < payload.nbf * 1000) return false
  return !payload.exp || Date.now() <= payload.exp * 1000
}
async function handler(event) {
  var request = event.request
  if (!request.querystring.jwt) return refusal
  if (!(await isValid(request.querystring.jwt.value))) return refusal
  delete request.querystring.jwt
  return request
}`
const country = `function handler(event) {
  var request = event.request
  var country = request.headers['cloudfront-viewer-country']
  if (country && country.value === 'DE') {
    return { statusCode: 302, statusDescription: 'Found', headers: { location: { value: 'https://' + request.headers.host.value + '/de/index.html' } } }
  }
  return request
}`
const singlePage = `function handler(event) {
  var request = event.request
  if (request.uri.endsWith('/')) request.uri += 'index.html'
  else if (!request.uri.includes('.')) request.uri += '/index.html'
  return request
}`
const unauthorized: Omit<SampleCase, 'source'> = {
  result: 'response',
  changes: ['+ status: 401', '~ body: 0 bytes'],
}
const untouched: Omit<SampleCase, 'source'> = { result: 'request', changes: [] }

/** CloudFront Functions by the name of their event. */
export const cloudFrontCases: Readonly<Record<string, SampleCase>> = {
  'add-cache-control-header_test-event': {
    source: cacheControl,
    result: 'response',
    changes: ['+ cache-control: public, max-age=63072000'],
  },
  'add-cors-header_test-objects_cors-header': { source: cors, result: 'response', changes: [] },
  'add-cors-header_test-objects_no-cors-header': {
    source: cors,
    result: 'response',
    changes: ['+ access-control-allow-origin: https://www.example.com'],
  },
  'add-origin-header_test-objects_no-origin-header': {
    source: originHeader,
    result: 'request',
    changes: ['+ origin: https://www.example.com'],
  },
  'add-origin-header_test-objects_origin-header': { source: originHeader, ...untouched },
  'add-security-headers_test-event': {
    source: security,
    result: 'response',
    changes: [
      '+ strict-transport-security: max-age=63072000; includeSubdomains; preload',
      "+ content-security-policy: default-src 'none'; img-src 'self'; script-src 'self'",
      '+ x-content-type-options: nosniff',
      '+ x-frame-options: DENY',
    ],
  },
  'add-true-client-ip-header_test-event': {
    source: trueClientIp,
    result: 'request',
    changes: ['+ true-client-ip: 0.0.0.0'],
  },
  'kvs-jwt-verify_test-objects_expired-jwt': { source: jwt, ...unauthorized },
  'kvs-jwt-verify_test-objects_invalid-jwt': { source: jwt, ...unauthorized },
  'kvs-jwt-verify_test-objects_invalid-nbe-jwt': { source: jwt, ...unauthorized },
  'kvs-jwt-verify_test-objects_missing-jwt': { source: jwt, ...unauthorized },
  'kvs-jwt-verify_test-objects_valid-jwt': {
    source: jwt,
    result: 'request',
    changes: ['~ query string: JWT&test=anotherQueryString -> test=anotherQueryString'],
  },
  'redirect-based-on-country_test-objects_country-de': {
    source: country,
    result: 'response',
    changes: ['+ status: 302', '+ location: https://www.example.com/de/index.html', '~ body: 0 bytes'],
  },
  'redirect-based-on-country_test-objects_country-not-de': { source: country, ...untouched },
  'url-rewrite-single-page-apps_test-objects_file-name-and-extension': { source: singlePage, ...untouched },
  'url-rewrite-single-page-apps_test-objects_file-name-no-extension': {
    source: singlePage,
    result: 'request',
    changes: ['~ uri: /blog -> /blog/index.html'],
  },
  'url-rewrite-single-page-apps_test-objects_no-file-name': {
    source: singlePage,
    result: 'request',
    changes: ['~ uri: / -> /index.html'],
  },
}

/** Lambda@Edge functions by the name of their event. */
export const lambdaCases: Readonly<Record<string, SampleCase>> = {
  'access-origin-by-weight-rate': {
    // The sample chooses an origin, which is possible at origin-request only; its event names the viewer's. A URI has
    // to begin with a slash, and the event's is empty.
    at: 'origin-request',
    source: `const weights = [['a.example.com', 0], ['b.example.com', 100]]
exports.handler = async (event) => {
  const { request } = event.Records[0].cf
  const point = 50
  let sum = 0
  const [domainName] = weights.find(([, weight]) => point < (sum += weight))
  request.uri = request.uri === '' ? '/' : request.uri
  request.origin = { custom: { domainName, port: 443, protocol: 'https', path: '', sslProtocols: ['TLSv1.2'], readTimeout: 30, keepaliveTimeout: 5, customHeaders: {} } }
  request.headers.host = [{ key: 'Host', value: domainName }]
  return request
}`,
    result: 'request',
    changes: ['~ uri:  -> /', '+ origin: b.example.com', '~ host: abc.s3.amazonaws.com -> b.example.com'],
    origin: { custom: { domainName: 'b.example.com' } },
  },
  'add-security-headers': {
    at: 'viewer-response',
    source: `exports.handler = async (event) => {
  const { response } = event.Records[0].cf
  response.headers['strict-transport-security'] = [{ key: 'Strict-Transport-Security', value: 'max-age=63072000; includeSubdomains; preload' }]
  response.headers['x-content-type-options'] = [{ key: 'X-Content-Type-Options', value: 'nosniff' }]
  return response
}`,
    result: 'response',
    changes: [
      '+ strict-transport-security: max-age=63072000; includeSubdomains; preload',
      '+ x-content-type-options: nosniff',
    ],
  },
  'anti-hotlinking': {
    at: 'viewer-request',
    source: `exports.handler = async (event) => {
  const { headers } = event.Records[0].cf.request
  const referer = headers.referer?.[0].value ?? ''
  if (/^https?:\\/\\/([^/]+\\.)?example\\.com\\//.test(referer)) return event.Records[0].cf.request
  return { status: '403', statusDescription: 'Forbidden', body: 'hotlinking is not allowed' }
}`,
    result: 'response',
    changes: ['+ status: 403', '~ body: 25 bytes'],
    body: 'hotlinking is not allowed',
  },
  'authentication-with-aliyun-cdn-typeA': {
    source: `const { createHash } = require('crypto')
const { parse } = require('querystring')
exports.handler = async (event) => {
  const { request } = event.Records[0].cf
  const [time, rand, uid, hash] = String(parse(request.querystring).auth_key).split('-')
  const expected = createHash('md5').update([request.uri, time, rand, uid, 'no-such-key'].join('-')).digest('hex')
  return expected === hash ? request : { status: '403', body: 'Forbidden', headers: { 'cache-control': [{ value: 'no-store' }] } }
}`,
    result: 'response',
    changes: ['+ status: 403', '+ cache-control: no-store', '~ body: 9 bytes'],
    body: 'Forbidden',
  },
  'authentication-with-cognito': {
    source: `exports.handler = (event, context, callback) => {
  const { request } = event.Records[0].cf
  const token = request.headers.authorization?.[0].value.replace(/^Bearer /, '')
  const { token_use, exp, username } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'))
  if (token_use !== 'access') return callback(null, { status: '401' })
  if (exp * 1000 < Date.now()) return callback(null, { status: '401', headers: { 'www-authenticate': [{ key: 'WWW-Authenticate', value: 'Bearer error="invalid_token"' }] } })
  delete request.headers.authorization
  request.headers['x-user'] = [{ value: username }]
  callback(null, request)
}`,
    result: 'response',
    changes: ['+ status: 401', '+ www-authenticate: Bearer error="invalid_token"', '~ body: 0 bytes'],
  },
  'bot-detection': {
    at: 'viewer-request',
    source: `exports.handler = async (event) => {
  const { request } = event.Records[0].cf
  if (!/bot|crawler/i.test(request.headers['user-agent'][0].value)) return request
  request.uri = '/prerendered' + request.uri
  request.headers['x-is-bot'] = [{ key: 'X-Is-Bot', value: 'true' }]
  return request
}`,
    result: 'request',
    changes: ['~ uri: /images/200x300/demo.jpg -> /prerendered/images/200x300/demo.jpg', '+ x-is-bot: true'],
  },
  'cache-control-with-regex-path': {
    at: 'origin-response',
    source: `const rules = [[/\\.(jpg|css)$/, 'max-age=86400'], [/^\\/path\\//, 'max-age=60']]
exports.handler = async (event) => {
  const { request, response } = event.Records[0].cf
  const rule = rules.find(([pattern]) => pattern.test(request.uri))
  if (rule) response.headers['cache-control'] = [{ key: 'Cache-Control', value: rule[1] }]
  return response
}`,
    result: 'response',
    changes: ['+ cache-control: max-age=60'],
  },
  'cross-origin-resource-sharing': {
    at: 'viewer-response',
    source: `exports.handler = async (event) => {
  const { response } = event.Records[0].cf
  const set = (key, value) => (response.headers[key.toLowerCase()] = [{ key, value }])
  set('Access-Control-Allow-Origin', '*')
  set('Access-Control-Allow-Methods', 'GET, HEAD')
  return response
}`,
    result: 'response',
    changes: ['+ access-control-allow-origin: *', '+ access-control-allow-methods: GET, HEAD'],
  },
  'custom-response-with-replaced-url': {
    source: `exports.handler = async (event) => {
  const { request } = event.Records[0].cf
  const body = '<a href="https://new.example.com' + request.uri + '?' + request.querystring + '">moved</a>'
  return { status: 200, statusDescription: 'OK', headers: { 'content-type': [{ key: 'Content-Type', value: 'text/html' }] }, body: Buffer.from(body).toString('base64'), bodyEncoding: 'base64' }
}`,
    result: 'response',
    changes: ['+ status: 200', '+ content-type: text/html', '~ body: 75 bytes'],
    body: '<a href="https://new.example.com/index.html?para1=123&para2=test">moved</a>',
  },
  'http302-from-origin': {
    source: `exports.handler = async (event) => {
  const { response } = event.Records[0].cf
  if (response.status !== '302') return response
  response.headers.location = [{ key: 'Location', value: response.headers.location[0].value.split('?')[0].replace('docs.aws.amazon.com', 'docs.example.org') }]
  return response
}`,
    result: 'response',
    changes: [
      '~ location: https://docs.aws.amazon.com/lambda/latest/dg/lambda-edge.html -> https://docs.example.org/lambda/latest/dg/lambda-edge.html',
    ],
  },
  'modify-response-header': {
    at: 'origin-response',
    source: `exports.handler = async (event) => {
  const { response } = event.Records[0].cf
  response.headers['x-custom'] = [{ value: 'one' }, { value: 'two' }]
  return response
}`,
    result: 'response',
    changes: ['+ x-custom: one, two'],
  },
  'modify-response-status-code': {
    at: 'origin-response',
    source: `exports.handler = async (event) => ({ ...event.Records[0].cf.response, status: '404', statusDescription: 'Not Found', body: 'gone' })`,
    result: 'response',
    changes: ['~ status: 200 -> 404', '~ body: 4 bytes'],
    body: 'gone',
  },
  'multiple-origin-IP-retry': {
    at: 'origin-response',
    source: `exports.handler = async (event) => {
  const { response } = event.Records[0].cf
  if (response.status !== '404') return response
  return { ...response, status: '200', body: 'from the second origin', headers: { ...response.headers, 'x-retried': [{ key: 'X-Retried', value: 'yes' }] } }
}`,
    result: 'response',
    changes: ['~ status: 404 -> 200', '+ x-retried: yes', '~ body: 22 bytes'],
    body: 'from the second origin',
  },
  'normalize-query-string': {
    source: `const { parse, stringify } = require('querystring')
exports.handler = async (event) => {
  const { request } = event.Records[0].cf
  const sorted = Object.entries(parse(request.querystring.toLowerCase())).sort(([a], [b]) => (a < b ? -1 : 1))
  request.querystring = stringify(Object.fromEntries(sorted))
  return request
}`,
    result: 'request',
    changes: ['~ query string: color=red&size=large&Age=13 -> age=13&color=red&size=large'],
  },
  'resize-picture': {
    at: 'origin-response',
    source: `exports.handler = async (event) => {
  const { request, response } = event.Records[0].cf
  if (response.status !== '404') return response
  const [, width, height, name] = /^\\/images\\/(\\d+)x(\\d+)\\/(.+)$/.exec(request.uri)
  response.status = '200'
  response.body = Buffer.from([width, height, name].join(' ')).toString('base64')
  response.bodyEncoding = 'base64'
  response.headers['content-type'] = [{ key: 'Content-Type', value: 'image/jpeg' }]
  return response
}`,
    result: 'response',
    changes: ['~ status: 404 -> 200', '+ content-type: image/jpeg', '~ body: 16 bytes'],
    body: '200 300 demo.jpg',
  },
  'rewrite-url': {
    source: `exports.handler = async (event) => {
  const { request } = event.Records[0].cf
  request.uri = request.uri.replace(/\\/$/, '/index.html')
  request.origin.custom.path = '/v2'
  return request
}`,
    result: 'request',
    changes: ['~ uri: / -> /index.html', '+ origin: example.org'],
    origin: { custom: { domainName: 'example.org', path: '/v2', port: 443 } },
  },
  'serving-based-on-device': {
    at: 'origin-request',
    source: `exports.handler = async (event) => {
  const { request } = event.Records[0].cf
  const is = (name) => request.headers['cloudfront-is-' + name + '-viewer']?.[0].value === 'true'
  const device = ['desktop', 'mobile', 'tablet', 'smarttv'].find(is) ?? 'desktop'
  request.uri = '/' + device + request.uri
  return request
}`,
    result: 'request',
    changes: ['~ uri: /path/to/resource -> /desktop/path/to/resource'],
  },
  'simple-lambda-edge': {
    at: 'viewer-request',
    source: `exports.handler = async () => ({ status: '200', statusDescription: 'OK', headers: { 'content-type': [{ value: 'text/plain' }] }, body: 'hello world' })`,
    result: 'response',
    changes: ['+ status: 200', '+ content-type: text/plain', '~ body: 11 bytes'],
    body: 'hello world',
  },
}
