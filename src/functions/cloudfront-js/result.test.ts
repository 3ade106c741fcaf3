import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeaderList } from '../../http/header-list.ts'
import { passageOf, responseOf } from '../passage.fixture.ts'
import { Problems } from '../problems.ts'
import { disallowedHeaders, disallowedPrefixes, readOnlyHeaders } from '../restricted-headers.ts'
import { functionRequestEvent, functionResponseEvent } from './event.ts'
import { functionLimits } from './limits.ts'
import { readFunctionRequestResult, readFunctionResponseResult } from './result.ts'

const events = ['viewer-request', 'viewer-response'] as const
type Event = (typeof events)[number]

/* What a handler returns is data of any shape. */
// oxlint-disable-next-line typescript/no-explicit-any -- cases hold what functions may return, which is anything
type Loose = any

interface Given {
  readonly headers?: HeaderList
  readonly query?: string
  readonly status?: number
}

/** Runs `change` as a function would run on the event, and reads its result. */
function run(event: Event, change: (message: Loose) => unknown, given: Given = {}) {
  const { headers, query, status } = given
  const problems = new Problems('cloudfront', event)
  const passage = passageOf({
    query,
    ...(headers === undefined || event === 'viewer-response' ? {} : { headers }),
  })
  if (event === 'viewer-request') {
    const { request } = functionRequestEvent(passage, () => undefined)
    const copy = JSON.parse(JSON.stringify(request)) as Loose
    // What a function returns travels as JSON.
    const returned: unknown = JSON.parse(JSON.stringify(change(copy)) ?? 'null')
    const original = passage.request.headers
    const result = readFunctionRequestResult(returned, request, original, query, problems)
    return {
      result,
      original,
      problems: problems.list,
      sentences: problems.list.map((each) => each.sentence),
    }
  }
  const response = responseOf({ status: status ?? 200, ...(headers === undefined ? {} : { headers }) })
  const shown = functionResponseEvent(passage, response, () => undefined).response!
  const copy = JSON.parse(JSON.stringify(shown)) as Loose
  const returned: unknown = JSON.parse(JSON.stringify(change(copy)) ?? 'null')
  const result = readFunctionResponseResult(returned, shown, response.headers, problems)
  return {
    result,
    original: response.headers,
    problems: problems.list,
    sentences: problems.list.map((each) => each.sentence),
  }
}

const setHeader =
  (name: string, value = 'x') =>
  (message: Loose) => {
    message.headers[name] = { value }
    return message
  }

for (const event of events) {
  test(`at ${event} a function that changes nothing leaves the very same headers`, () => {
    const { result, problems, original } = run(event, (message) => message)
    assert.deepEqual(problems, [])
    assert.equal(result.headers, original)
  })

  for (const name of [...disallowedHeaders, ...disallowedPrefixes.map((prefix) => `${prefix}anything`)]) {
    test(`at ${event} the disallowed header ${name} is hidden and cannot be added`, () => {
      const headers = new HeaderList([name as string, 'before', 'Accept', 'a'])
      const hidden = run(event, (message) => message, { headers })
      assert.deepEqual(hidden.problems, [])
      assert.equal(hidden.result.headers.get(name), 'before')
      const { problems, sentences } = run(event, setHeader(name))
      assert.equal(problems[0]?.code, 'FunctionValidationError')
      for (const said of [`["${name}"]`, event, 'https://']) assert.ok(sentences[0]?.includes(said), said)
    })
  }

  for (const name of readOnlyHeaders[event]) {
    const headers = new HeaderList([name, 'before'])
    const attempts: readonly (readonly [string, (message: Loose) => unknown, Given])[] = [
      ['add', setHeader(name), { headers: new HeaderList(['Accept', 'a']) }],
      ['change', setHeader(name, 'after'), { headers }],
      [
        'delete',
        (message) => {
          delete message.headers[name]
          return message
        },
        { headers },
      ],
    ]
    for (const [attempt, change, given] of attempts) {
      test(`at ${event} a function cannot ${attempt} the read-only header ${name}`, () => {
        const { problems, sentences } = run(event, change, given)
        assert.equal(problems[0]?.code, 'FunctionValidationError')
        assert.match(
          sentences[0]!,
          new RegExp(`"${name}"\\] is a read-only header: the function tried to ${attempt} it`),
        )
      })
    }
  }

  test(`at ${event} a header with an upper-case name is refused`, () => {
    const { sentences } = run(event, setHeader('X-Upper'))
    assert.match(sentences[0]!, /headers\["X-Upper"\] must have its name in lower case/)
  })

  test(`at ${event} a line break in a value is refused and named`, () => {
    const { sentences } = run(event, setHeader('x-a', 'one\r\ntwo'))
    assert.match(sentences[0]!, /headers\["x-a"\] has the invalid character %0D in its value/)
  })

  test(`at ${event} headers may be ${functionLimits.headerBytes} bytes together, and not one more`, () => {
    const headers = new HeaderList(['A', 'b'])
    const value = (bytes: number) => 'v'.repeat(bytes - 'A: b\r\n'.length - 'X-L: \r\n'.length)
    assert.deepEqual(
      run(event, setHeader('x-l', value(functionLimits.headerBytes)), { headers }).problems,
      [],
    )
    const over = run(event, setHeader('x-l', value(functionLimits.headerBytes + 1)), { headers })
    assert.match(over.sentences[0]!, /must be at most 32768 bytes together, and are 32769/)
  })

  for (const returned of [undefined, null, 1, 'text', [], true]) {
    test(`at ${event} the result ${JSON.stringify(returned)} is refused`, () => {
      assert.match(run(event, () => returned).sentences[0]!, /the result must be an object/)
    })
  }
}

test('what viewer-response leaves alone of the lists of Lambda@Edge it may change', () => {
  for (const name of ['content-encoding', 'content-length', 'transfer-encoding'])
    assert.deepEqual(run('viewer-response', setHeader(name)).problems, [], name)
})

const requestChanges: readonly (readonly [
  what: string,
  change: (request: Loose) => unknown,
  says: RegExp,
])[] = [
  ['method', (request) => ({ ...request, method: 'POST' }), /request\.method is read-only/],
  ['uri without slash', (request) => ({ ...request, uri: 'a' }), /request\.uri must begin with "\/"/],
  [
    'uri with a space',
    (request) => ({ ...request, uri: '/a b' }),
    /request\.uri must not contain the character %20/,
  ],
  [
    'uri with a hash',
    (request) => ({ ...request, uri: '/a#b' }),
    /request\.uri must not contain the character %23/,
  ],
  [
    'uri that is a number',
    (request) => ({ ...request, uri: 1 }),
    /request\.uri must be a string, and is a number/,
  ],
  [
    'header that is a string',
    (request) => ({ ...request, headers: { a: 'b' } }),
    /headers\["a"\] must be an object/,
  ],
  [
    'header without value',
    (request) => ({ ...request, headers: { a: {} } }),
    /headers\["a"\] needs a "value"/,
  ],
  [
    'headers that are a list',
    (request) => ({ ...request, headers: [] }),
    /request\.headers must be an object/,
  ],
  ['cookie as a header', setHeader('cookie', 'a=b'), /use the cookies object/],
  [
    'cookies that are a list',
    (request) => ({ ...request, cookies: [] }),
    /request\.cookies must be an object/,
  ],
  [
    'query with a space',
    (request) => ({ ...request, querystring: 'a b' }),
    /must not contain the character %20/,
  ],
  ['no request', () => ({ something: 1 }), /must be a request or a response with a statusCode/],
]

for (const [what, change, says] of requestChanges) {
  test(`viewer-request refuses: ${what}`, () => {
    const { problems, sentences } = run('viewer-request', change)
    assert.equal(problems[0]?.code, 'FunctionValidationError')
    assert.match(sentences.join('\n'), says)
  })
}

for (const status of [200, 204, 418, 599])
  test(`a response may have the status ${status}`, () => {
    const { result, problems } = run('viewer-request', () => ({ statusCode: status }))
    assert.deepEqual(problems, [])
    assert.equal(result.kind === 'response' && result.status, status)
  })

for (const status of [199, 600, '200', 200.5, null])
  test(`a response cannot have the status ${JSON.stringify(status)}`, () => {
    const { sentences } = run('viewer-response', (response) => ({ ...response, statusCode: status }))
    assert.match(sentences[0]!, /response\.statusCode must be a number from 200 to 599/)
  })

const bodies: readonly (readonly [what: string, body: unknown, gives: string | RegExp])[] = [
  ['a string', 'text', 'text'],
  ['text', { encoding: 'text', data: 'text' }, 'text'],
  ['base64', { encoding: 'base64', data: 'dGV4dA==' }, 'text'],
  ['invalid base64', { encoding: 'base64', data: '@' }, /is not valid base64/],
  ['another encoding', { encoding: 'hex', data: '00' }, /encoding must be "text" or "base64"/],
  ['a number', 5, /must be a string or \{ encoding, data \}/],
  ['40 KB', 'b'.repeat(40 * 1024), 'b'.repeat(40 * 1024)],
  ['40 KB and a byte', 'b'.repeat(40 * 1024 + 1), /at most 40960 bytes of text, and is 40961/],
  [
    '40 KB of two-byte letters and one',
    'ä'.repeat(20 * 1024) + 'a',
    /at most 40960 bytes of text, and is 40961/,
  ],
]

for (const event of events) {
  for (const [what, body, gives] of bodies) {
    test(`a body at ${event}: ${what}`, () => {
      const { result, sentences } = run(event, () => ({ statusCode: 200, body }))
      if (typeof gives === 'string') {
        assert.deepEqual(sentences, [])
        assert.equal(result.kind === 'response' && result.body?.toString(), gives)
      } else assert.match(sentences[0]!, gives)
    })
  }
}

test('a response keeps its body unless one is given, also an empty one', () => {
  const kept = run('viewer-response', (response) => response)
  assert.equal(kept.result.kind === 'response' && kept.result.body, undefined)
  const emptied = run('viewer-response', (response) => ({ ...response, body: '' }))
  assert.equal(emptied.result.kind === 'response' && emptied.result.body?.length, 0)
})

const queries: readonly (readonly [
  what: string,
  sent: string,
  change: (query: Loose) => unknown,
  gives: string | undefined,
])[] = [
  ['untouched', 'a=%41&b&c=', (query) => query, undefined],
  [
    'one value changed, others byte for byte',
    'a=%41&b&c=',
    (query) => ({ ...query, c: { value: 'new' } }),
    'a=%41&b&c=new',
  ],
  ['one removed', 'a=1&b=2', (query) => ({ b: query.b }), 'b=2'],
  ['all removed', 'a=1', () => ({}), ''],
  ['one added', 'a=1', (query) => ({ ...query, b: { value: '2' } }), 'a=1&b=2'],
  ['a multi-value kept', 'a=1&a=2&b=3', (query) => ({ ...query, b: { value: '4' } }), 'a=1&a=2&b=4'],
  [
    'value edited beside a multi-value replaces the first',
    'a=1&a=2',
    (query) => ({ a: { ...query.a, value: '9' } }),
    'a=9&a=2',
  ],
  [
    'an edited multi-value wins',
    'a=1&a=2',
    () => ({ a: { value: '9', multiValue: [{ value: '5' }, { value: '6' }, { value: '7' }] } }),
    'a=5&a=6&a=7',
  ],
  ['a string sets the order', 'a=1&b=2', () => 'b=2&a=1', 'b=2&a=1'],
]

for (const [what, sent, change, gives] of queries) {
  test(`query strings: ${what}`, () => {
    const { result, problems } = run(
      'viewer-request',
      (request) => ({ ...request, querystring: change(request.querystring) }),
      { query: sent },
    )
    assert.deepEqual(problems, [])
    assert.equal(result.kind === 'request' && result.query, gives)
  })
}

test('cookies of a request are one field, in the order the function gave them', () => {
  const headers = new HeaderList(['Cookie', 'a=1; b=2', 'Accept', 'x'])
  const { result } = run(
    'viewer-request',
    (request) => {
      delete request.cookies.a
      request.cookies.c = { value: '3' }
      return request
    },
    { headers },
  )
  assert.deepEqual(result.headers.toJSON(), [
    ['Cookie', 'b=2; c=3'],
    ['Accept', 'x'],
  ])
})

test('cookies of a response are a field each, with their attributes', () => {
  const headers = new HeaderList(['Set-Cookie', 'a=1; Secure; Path=/', 'Set-Cookie', 'b=2'])
  const { result } = run(
    'viewer-response',
    (response) => {
      response.cookies.b = { value: '3', attributes: 'HttpOnly' }
      response.cookies.c = { value: '4' }
      return response
    },
    { headers },
  )
  assert.deepEqual(result.headers.getAll('set-cookie'), ['a=1; Secure; Path=/', 'b=3; HttpOnly', 'c=4'])
})

test('headers keep their places, new ones follow with capitals, repeated ones are replaced in place', () => {
  const headers = new HeaderList(['x-b', '1', 'ACCEPT', 'a', 'X-B', '2', 'X-Gone', '1'])
  const { result } = run(
    'viewer-request',
    (request) => {
      request.headers['x-b'].multiValue = [{ value: '7' }, { value: '8' }]
      request.headers['x-new-one'] = { value: 'n' }
      delete request.headers['x-gone']
      return request
    },
    { headers },
  )
  assert.deepEqual(result.headers.toJSON(), [
    ['X-B', '7'],
    ['X-B', '8'],
    ['ACCEPT', 'a'],
    ['X-New-One', 'n'],
  ])
})

test('URI and query string may be 8191 characters together, and not one more', () => {
  const change = (length: number) => (request: Loose) => ({ ...request, uri: `/${'u'.repeat(length - 1)}` })
  assert.deepEqual(run('viewer-request', change(8191)).problems, [])
  assert.match(
    run('viewer-request', change(8192)).sentences[0]!,
    /shorter than 8192 characters together, and are 8192/,
  )
})
