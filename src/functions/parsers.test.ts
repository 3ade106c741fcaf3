import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HeaderList } from '../http/header-list.ts'
import { decodeBase64 } from './base64.ts'
import { functionRequestEvent } from './cloudfront-js/event.ts'
import { readFunctionRequestResult } from './cloudfront-js/result.ts'
import { checkSource } from './cloudfront-js/syntax.ts'
import { readImportFile, writeImportFile } from './key-value-store/import-file.ts'
import { lambdaHeadersOf } from './lambda-edge/headers.ts'
import { LineReader } from './lambda-edge/protocol.ts'
import { readRequestResult, readResponseResult } from './lambda-edge/result.ts'
import { passageOf } from './passage.fixture.ts'
import { Problems } from './problems.ts'
import { EventError, readEvent } from './trial/event-file.ts'

test('lines come out whole, however the text of a worker is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string().map((line) => line.replaceAll('\n', ''))),
      fc.array(fc.nat(40)),
      (lines, cuts) => {
        const text = lines.map((line) => `${line}\n`).join('')
        const seen: string[] = []
        const reader = new LineReader(1e6, (line) => seen.push(line), assert.fail)
        let at = 0
        for (const cut of cuts) {
          reader.read(text.slice(at, at + cut))
          at += cut
        }
        reader.read(text.slice(at))
        assert.deepEqual(seen, lines)
      },
    ),
  )
})

test('a store that was written is read back', () => {
  const key = fc.string({ minLength: 1, maxLength: 100 })
  fc.assert(
    fc.property(fc.dictionary(key, fc.string({ maxLength: 200 })), (given) => {
      const items = new Map(Object.entries(given))
      const read = readImportFile(writeImportFile(items))
      assert.ok(read.kind === 'read')
      assert.deepEqual([...read.items], [...items])
    }),
  )
})

test('whatever stands in an import file, it is read or refused with reasons', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      const read = readImportFile(text)
      assert.ok(read.kind === 'read' || read.problems.length > 0)
    }),
  )
})

test('base64 is decoded exactly when it is what encoding would have written', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const text = Buffer.from(bytes).toString('base64')
      assert.deepEqual(decodeBase64(text), Buffer.from(bytes))
      assert.deepEqual(decodeBase64(text.replace(/=+$/, '')), Buffer.from(bytes))
      assert.equal(decodeBase64(`${text}@`), undefined)
    }),
  )
})

test('whatever a handler returns, its result is read without an exception', () => {
  const shown = {
    clientIp: '192.0.2.1',
    headers: lambdaHeadersOf(new HeaderList(['A', 'b'])),
    method: 'GET',
    querystring: '',
    uri: '/',
  }
  const response = { headers: shown.headers, status: '200', statusDescription: 'OK' }
  fc.assert(
    fc.property(fc.jsonValue(), (returned) => {
      for (const event of ['viewer-request', 'origin-request'] as const)
        readRequestResult(returned, shown, new HeaderList(['A', 'b']), new Problems('lambda-edge', event))
      for (const event of ['origin-response', 'viewer-response'] as const)
        readResponseResult(returned, response, new HeaderList(['A', 'b']), new Problems('lambda-edge', event))
    }),
  )
})

test('a query string that a function gives back as it was shown stays byte for byte', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-c=&%0-9]*$/), (query) => {
      const passage = passageOf({ query })
      const { request } = functionRequestEvent(passage, () => undefined)
      const problems = new Problems('cloudfront', 'viewer-request')
      const returned: unknown = JSON.parse(JSON.stringify(request))
      const read = readFunctionRequestResult(returned, request, passage.request.headers, query, problems)
      assert.ok(read.kind === 'request' && problems.isEmpty)
      assert.equal(read.query, undefined)
    }),
  )
})

test('any text is a source that is taken or refused with its places', () => {
  fc.assert(
    fc.property(fc.string(), (source) => {
      const checked = checkSource(source, '2.0')
      if (checked.kind === 'refused')
        for (const { line, column } of checked.problems) assert.ok(line >= 1 && column >= 1)
    }),
  )
})

test('any JSON is an event or is told why not', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      for (const kind of ['lambda-edge', 'cloudfront'] as const) {
        try {
          readEvent(kind, json)
        } catch (error) {
          assert.ok(error instanceof EventError, String(error))
        }
      }
    }),
  )
})
