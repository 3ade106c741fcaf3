import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { detectors } from './detectors.ts'
import { createScanner, type Format, FORMATS } from './formats/format.ts'
import { MalformedError } from './formats/found-field.ts'
import { makeKey, openerOf } from './keys.fixture.ts'
import { anywhere, PathMatcher, parsePathPattern, showPath } from './path-pattern.ts'
import { createProtection, type Protection, ProtectError, protectDocument, splice } from './protect.ts'
import { openDocument } from './unprotect.ts'
import { createSealFinder, defaultWrap, seal, unseal } from './wire.ts'

const cards = makeKey('cards')
const people = makeKey('people.2')
const keyOf = (name: string) => ({ cards, people })[name]

function protection(
  fields: readonly { path?: string; name?: string; key?: string; formats?: readonly Format[] }[],
  more: Partial<Pick<Protection, 'detectors' | 'maxFields' | 'maxFieldBytes'>> = {},
): Protection {
  return createProtection({
    rules: fields.map(({ path, name, key = 'cards', formats = FORMATS }) => {
      const pattern = path === undefined ? anywhere(name!) : parsePathPattern(path)
      assert.ok(typeof pattern !== 'string', String(pattern))
      return { name: path ?? name!, pattern, formats: new Set(formats), key }
    }),
    detectors: [],
    wrap: defaultWrap,
    maxFields: 1000,
    maxFieldBytes: 1 << 20,
    ...more,
  })
}

async function protect(
  text: string | Buffer,
  format: Format,
  what: Protection,
  boundary?: string,
): Promise<Buffer> {
  const bytes = Buffer.from(text)
  const { replacements } = await protectDocument(bytes, format, boundary, what, keyOf)
  return Buffer.concat(splice(bytes, replacements))
}

async function open(bytes: Buffer, format: Format, boundary?: string): Promise<Buffer> {
  return Buffer.concat((await openDocument(bytes, format, boundary, openerOf([cards, people]))).pieces)
}

const SEALED = /~enc\([^)]*\)~/g

describe('JSON', () => {
  test('only the fields named change; order, white space, number precision and every other byte stay', async () => {
    const text =
      '{ "id" : 12345678901234567890, "card": {"number":"4111 1111 1111 1111",\n\t"cvv": 123, "exp":null}, "list":[{"ssn":"a"},{"ssn":"b"}], "x": 1.10e+5, "card2":"no" }'
    const protectedText = (
      await protect(text, 'json', protection([{ path: 'card.*' }, { path: 'list[*].ssn', key: 'people' }]))
    ).toString()
    assert.equal(
      protectedText.replaceAll(SEALED, '…'),
      '{ "id" : 12345678901234567890, "card": {"number":"…",\n\t"cvv": "…", "exp":"…"}, "list":[{"ssn":"…"},{"ssn":"…"}], "x": 1.10e+5, "card2":"no" }',
    )
    assert.equal(protectedText.match(/~enc\(people\.2!s!/g)!.length, 2)
    assert.match(protectedText, /"cvv": "~enc\(cards!n!/)
    assert.equal((await open(Buffer.from(protectedText), 'json')).toString(), text)
  })

  test('paths: what fits and what does not', async () => {
    const cases: [path: string, document: string, hits: number][] = [
      ['a', '{"a":1,"b":{"a":2}}', 1],
      ['**.a', '{"a":1,"b":{"a":2},"c":[{"a":3}]}', 3],
      ['b.*', '{"b":{"x":1,"y":"2"},"c":{"x":1}}', 2],
      ['list[0]', '{"list":[1,2,3]}', 1],
      ['list[*].n', '{"list":[{"n":1},{"n":2},{"m":3}]}', 2],
      ['[*].n', '[{"n":1},{"n":2}]', 2],
      ['acc*No', '{"accountNo":1,"accNo":2,"accountNumber":3}', 2],
      ['["a.b"]', '{"a.b":1,"a":{"b":2}}', 1],
      ['a', '{"a":1,"a":2}', 2],
      ['a', '{"\\u0061":1}', 1],
      ['o', '{"o":{"deep":[1,2,{"o":3}]}}', 1],
      ['a.b', '{"a":[{"b":1}]}', 0],
      ['A', '{"a":1}', 0],
    ]
    for (const [path, document, hits] of cases) {
      const { replacements } = await protectDocument(
        Buffer.from(document),
        'json',
        undefined,
        protection([{ path }]),
        keyOf,
      )
      assert.equal(replacements.length, hits, `${path} in ${document}`)
      const round = await open(await protect(document, 'json', protection([{ path }])), 'json')
      assert.equal(round.toString(), document)
    }
  })

  test('what is not a path says at which character', () => {
    for (const text of ['', 'a..b', 'a[', 'a[x]', 'a.', '**', 'a.**'])
      assert.match(String(parsePathPattern(text)), /is no path/, text)
  })

  test('what is not JSON is refused whole, with the byte at which it goes wrong', async () => {
    const bad = [
      ...[
        '',
        '{',
        '{"a":1',
        '{"a"}',
        '{"a":1,}',
        '[1,]',
        '[1 2]',
        '{"a":01}',
        '{"a":.5}',
        '{"a":1}x',
        'nul',
        '{a:1}',
      ],
      ...[
        '{"a":"\u0001"}',
        '{"a":"\\x"}',
        '"abc',
        "{'a':1}",
        '[1}',
        '{"a":1]',
        '{"a":NaN}',
        '{"a":+1}',
        '\ufeff',
      ],
    ]
    for (const text of bad) {
      await assert.rejects(protect(text, 'json', protection([{ path: 'a' }])), MalformedError, text)
      assert.throws(() => JSON.parse(text.replace(/^\ufeff/, '')), SyntaxError, text)
    }
    await assert.rejects(
      protect(Buffer.from([0x22, 0xff, 0x22]), 'json', protection([{ path: 'a' }])),
      /malformed at byte 0: the text is not UTF-8/,
    )
  })

  test('takes exactly what JSON.parse takes, and never changes what it does not encrypt', () => {
    const mutated = fc
      .tuple(
        fc.json(),
        fc.nat(),
        fc.constantFrom('', '{', '}', '"', ',', '\\', '0', '-', ' ', '\n', 'e', '[', ']'),
      )
      .map(([text, at, insert]) => {
        const place = at % (text.length + 1)
        return text.slice(0, place) + insert + text.slice(place + (at % 3 === 0 ? 1 : 0))
      })
    fc.assert(
      fc.property(mutated, (text) => {
        const bytes = Buffer.from(text)
        const wanted = attempt(() => JSON.parse(bytes.toString()))
        const scanner = createScanner('json', {
          matcher: new PathMatcher([]),
          everyText: true,
          boundary: undefined,
        })
        assert.equal(
          attempt(() => scanner.scan(bytes, true, () => {})),
          wanted,
          text,
        )
      }),
      { numRuns: 3000 },
    )
  })

  test('ten thousand levels, ten thousand fields and duplicate names are read flat', async () => {
    const deep = `${'{"a":'.repeat(10_000)}{"ssn":"x"}${'}'.repeat(10_000)}`
    const sealed = await protect(deep, 'json', protection([{ name: 'ssn' }]))
    assert.equal(sealed.toString().match(SEALED)!.length, 1)
    assert.equal((await open(sealed, 'json')).toString(), deep)
    const many = `[${Array.from({ length: 10_000 }, (_, i) => `{"ssn":"${i}"}`).join(',')}]`
    await assert.rejects(
      protect(many, 'json', protection([{ name: 'ssn' }])),
      (error) => error instanceof ProtectError && error.why === 'too-many-fields',
    )
    await assert.rejects(
      protect('{"ssn":"0123456789"}', 'json', protection([{ name: 'ssn' }], { maxFieldBytes: 11 })),
      /the field ssn is longer than 11 bytes/,
    )
  })
})

function attempt(act: () => unknown): boolean {
  try {
    act()
    return true
  } catch (error) {
    assert.ok(error instanceof MalformedError || error instanceof SyntaxError, String(error))
    return false
  }
}

// What other writers make of the same text: their escapes must come back.
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom('', 'a/b', '<&>"\'', 'Zoë +1 (2)', '4111 1111 1111 1111', 'x'.repeat(191), 'é'.repeat(300)),
)

function jsonLiteral(value: string, writer: number): string {
  const plain = JSON.stringify(value)
  if (writer === 1)
    return plain.replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
  if (writer === 2) return plain.replaceAll('/', '\\/')
  if (writer === 3)
    return `"${Array.from(value)
      .map((c) => (c === 'a' ? '\\u0061' : JSON.stringify(c).slice(1, -1)))
      .join('')}"`
  return plain
}

const jsonDocument = fc
  .array(
    fc.record({
      name: fc.constantFrom('ssn', 'note', 'café'),
      value: text,
      writer: fc.nat(3),
      space: fc.constantFrom('', ' ', '\n  '),
    }),
  )
  .map(
    (members) =>
      `{${members.map(({ name, value, writer, space }) => `${space}"${name}"${space}:${jsonLiteral(value, writer)}`).join(',')}}`,
  )

const formDocument = fc
  .array(fc.record({ name: fc.constantFrom('ssn', 'note', 'a[b]'), value: text, writer: fc.nat(3) }))
  .map((fields) =>
    fields
      .map(({ name, value, writer }) => {
        const good = value.toWellFormed()
        const written = [
          new URLSearchParams([['', good]]).toString().slice(1),
          encodeURIComponent(good),
          encodeURIComponent(good).toLowerCase(),
          [...Buffer.from(good)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
        ][writer]
        return `${name}=${written}`
      })
      .join('&'),
  )

const multipartDocument = fc
  .array(
    fc.record({
      name: fc.constantFrom('ssn', 'note'),
      value: text.map((value) => value.toWellFormed().replaceAll('--B', '')),
      isFile: fc.boolean(),
    }),
    { minLength: 1 },
  )
  .map(
    (parts) =>
      `${parts.map(({ name, value, isFile }) => `--B\r\nContent-Disposition: form-data; name="${name}"${isFile ? '; filename="x.bin"' : ''}\r\n\r\n${value}\r\n`).join('')}--B--\r\n`,
  )

const xmlEscape = (value: string) => value.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
const xmlDocument = fc
  .array(
    fc.record({
      name: fc.constantFrom('ssn', 'note', 'p:ssn'),
      value: text.map((value) => value.toWellFormed()),
      writer: fc.nat(3),
      attribute: fc.boolean(),
    }),
  )
  .map(
    (elements) =>
      `<?xml version="1.0"?>\n<r>${elements
        .map(({ name, value, writer, attribute }) => {
          const content =
            writer === 0
              ? value.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]!)
              : writer === 1
                ? `<![CDATA[${value.replaceAll(']]>', '')}]]>`
                : writer === 2
                  ? xmlEscape(value)
                  : `${value.replace(/[&<]/g, (c) => ({ '&': '&amp;', '<': '&lt;' })[c]!)}<!-- ssn -->`
          return attribute ? `<i ssn='${xmlEscape(value)}' b="x"/>` : `<${name}>${content}</${name}>`
        })
        .join(' ')}</r>`,
  )

const documents: Record<string, { format: Format; boundary?: string; document: fc.Arbitrary<string> }> = {
  JSON: { format: 'json', document: jsonDocument },
  NDJSON: {
    format: 'ndjson',
    document: fc.array(jsonDocument).map((all) => all.map((one) => one.replaceAll('\n', '')).join('\n')),
  },
  form: { format: 'form', document: formDocument },
  query: { format: 'query', document: formDocument },
  multipart: { format: 'multipart', boundary: 'B', document: multipartDocument },
  XML: { format: 'xml', document: xmlDocument },
}

for (const [name, { format, boundary, document }] of Object.entries(documents)) {
  const rules = protection([{ name: 'ssn' }, { name: '@ssn', key: 'people' }])

  test(`${name}: opening what was encrypted gives the document back, byte for byte`, async () => {
    await fc.assert(
      fc.asyncProperty(document, async (source) => {
        const sealed = await protect(source, format, rules, boundary)
        assert.equal(
          (await open(sealed, format, boundary)).toString('latin1'),
          Buffer.from(source).toString('latin1'),
        )
      }),
      { numRuns: 120 },
    )
  })

  test(`${name}: protecting twice encrypts nothing twice`, async () => {
    const [source] = fc.sample(
      document.filter((each) => each.includes('ssn')),
      { numRuns: 1, seed: 7 },
    )
    const once = await protect(source!, format, rules, boundary)
    assert.equal((await protect(once.toString(), format, rules, boundary)).toString(), once.toString())
  })

  test(`${name}: a document in pieces tells the same fields as the whole`, () => {
    fc.assert(
      fc.property(document, fc.array(fc.nat(7), { minLength: 1 }), (source, sizes) => {
        const bytes = Buffer.from(source)
        const options = {
          matcher: new PathMatcher([anywhere('ssn'), anywhere('@ssn')]),
          everyText: false,
          boundary,
        }
        const whole: string[] = []
        createScanner(format, options).scan(bytes, true, (field) =>
          whole.push(`${field.start} ${field.end} ${field.text}`),
        )
        const pieces: string[] = []
        const scanner = createScanner(format, options)
        let used = 0
        let given = 0
        for (let i = 0; given < bytes.length; i++) {
          given = Math.min(bytes.length, given + 1 + sizes[i % sizes.length]!)
          const from = used
          used += scanner.scan(bytes.subarray(used, given), false, (field) =>
            pieces.push(`${from + field.start} ${from + field.end} ${field.text}`),
          )
        }
        const from = used
        scanner.scan(bytes.subarray(used), true, (field) =>
          pieces.push(`${from + field.start} ${from + field.end} ${field.text}`),
        )
        assert.deepEqual(pieces, whole)
      }),
      { numRuns: 150 },
    )
  })
}

test('malformed documents of every format are refused before anything is encrypted', async () => {
  const cases: [Format, string, string?][] = [
    ['form', 'ssn=%zz'],
    ['form', 'ssn=%ff'],
    ['form', 'a=1&ssn=%4'],
    ['multipart', '--B\r\nContent-Disposition: form-data; name="ssn"\r\n\r\nx', 'B'],
    ['multipart', '--B\r\n\r\nx\r\n--B--', 'B'],
    ['multipart', 'no parts', 'B'],
    ['xml', '<a><ssn>1</a>'],
    ['xml', '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'],
    ['xml', '<a>&unknown;</a>'],
    ['xml', '<a><ssn>1</ssn>'],
    ['xml', '<a/><b/>'],
    ['xml', '<a b="1" b="2"/>'],
    ['xml', '<a b=1/>'],
    ['xml', 'text'],
    ['ndjson', '{"ssn":1}\n{"ssn":'],
  ]
  const rules = protection([{ name: 'ssn' }])
  for (const [format, source, boundary] of cases)
    await assert.rejects(protect(source, format, rules, boundary), MalformedError, source)
})

test('each encrypted field is opened by openssl with the private key alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'edgeward-fields-'))
  try {
    const keyFile = join(folder, 'key.pem')
    writeFileSync(keyFile, cards.privateKey.export({ type: 'pkcs8', format: 'pem' }))
    const sealed = await protect(
      '{"ssn":"078-05-1120","o":{"ssn":42}}',
      'json',
      protection([{ name: 'ssn' }]),
    )
    const opened = [...sealed.toString().matchAll(/!([A-Za-z0-9+/=]+)\)~/g)].map(([, base64]) => {
      const result = spawnSync(
        'openssl',
        [
          'pkeyutl',
          '-decrypt',
          '-inkey',
          keyFile,
          '-pkeyopt',
          'rsa_padding_mode:oaep',
          '-pkeyopt',
          'rsa_oaep_md:sha256',
        ],
        { input: Buffer.from(base64!, 'base64') },
      )
      assert.equal(result.status, 0, result.stderr.toString())
      return result.stdout.toString()
    })
    assert.deepEqual(opened, ['078-05-1120', '42'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a value of one block is plain RSA; one byte more is hybrid, and a changed byte of it does not open', async () => {
  for (const [bytes, isHybrid] of [
    [190, false],
    [191, true],
    [100_000, true],
  ] as const) {
    const value = Buffer.alloc(bytes, 'x')
    const [sealed] = createSealFinder(defaultWrap).find(
      seal(value, { type: 's', style: 0 }, cards, defaultWrap),
    )
    assert.equal(sealed!.isHybrid, isHybrid, String(bytes))
    const opener = openerOf([cards])
    assert.deepEqual(await unseal(sealed!, () => 256, opener.open), value)
    const changed = Buffer.from(sealed!.bytes)
    changed[changed.length - 1]! ^= 1
    await assert.rejects(unseal({ ...sealed!, bytes: changed }, () => 256, opener.open))
  }
})

test('detectors find what they name, with its check digits, and nothing like it', () => {
  const cases: [keyof typeof detectors, found: string[], not: string[]][] = [
    [
      'card',
      ['4111 1111 1111 1111', '5500-0000-0000-0004', '340000000000009'],
      ['4111 1111 1111 1112', '1234567812345670', 'a4111111111111111'],
    ],
    ['email', ['ada@example.org', "o'neil+x@mail.example.co.uk"], ['ada@localhost', '@example.org', 'a@b']],
    ['phone', ['+49 30 1234567', '+1 (212) 555-0100'], ['030 1234567', '+1 23']],
    ['iban', ['DE89 3704 0044 0532 0130 00', 'GB82WEST12345698765432'], ['DE88 3704 0044 0532 0130 00']],
    ['us-ssn', ['078-05-1120'], ['000-12-3456', '666-12-3456', '078-00-1120', '900-12-3456']],
    ['uk-nino', ['AB 12 34 56 C'], ['BG 12 34 56 C', 'AB 12 34 56 E']],
    ['es-dni', ['12345678Z', 'X1234567L'], ['12345678A']],
    ['fr-nir', ['1 85 05 78 006 084 91'], ['1 85 05 78 006 084 92']],
    ['nl-bsn', ['111222333'], ['111222334']],
    ['pl-pesel', ['44051401359'], ['44051401358']],
  ]
  for (const [name, found, not] of cases) {
    for (const value of found) {
      const sentence = `before ${value}, after`
      assert.deepEqual(
        detectors[name].find(sentence).map(({ start, end }) => sentence.slice(start, end)),
        [value],
        `${name}: ${value}`,
      )
    }
    for (const value of not) assert.deepEqual(detectors[name].find(`x ${value} y`), [], `${name}: ${value}`)
  }
})

test('detected parts are encrypted in place, numbers only as a whole, and come back to the byte', async () => {
  const rules = protection([], {
    detectors: [
      { name: 'card', detector: detectors.card, key: 'cards' },
      { name: 'email', detector: detectors.email, key: 'people' },
    ],
  })
  const json =
    '{"note":"Caf\\u00e9: 4111 1111 1111 1111 or ada@example.org","n":4111111111111111,"x":41111111111111110}'
  const sealed = (await protect(json, 'json', rules)).toString()
  assert.equal(sealed.replaceAll(SEALED, '…'), '{"note":"Caf\\u00e9: … or …","n":"…","x":41111111111111110}')
  assert.equal((await open(Buffer.from(sealed), 'json')).toString(), json)
  const form = 'note=pay%20to%20ada%40example.org&n=4111+1111+1111+1111'
  const sealedForm = (await protect(form, 'form', rules)).toString()
  assert.ok(!sealedForm.includes('example.org') && !sealedForm.includes('4111'))
  assert.equal((await open(Buffer.from(sealedForm), 'form')).toString(), form)
})

test('a caller without the key gets the value as it stands, and so does a value that was not made for its key', async () => {
  const sealed = await protect(
    '{"a":"x","b":"y"}',
    'json',
    protection([{ path: 'a' }, { path: 'b', key: 'people' }]),
  )
  const { pieces, opened, left } = await openDocument(sealed, 'json', undefined, openerOf([people]))
  const document = JSON.parse(Buffer.concat(pieces).toString()) as { a: string; b: string }
  assert.match(document.a, /^~enc\(cards!/)
  assert.equal(document.b, 'y')
  assert.deepEqual([opened, left], [1, 1])
  const forged = `{"a":"~enc(cards!s!${Buffer.alloc(256, 1).toString('base64')})~"}`
  assert.equal((await open(Buffer.from(forged), 'json')).toString(), forged)
})

test('a value moved into another format is written as that format writes it', async () => {
  const sealed = (await protect('ssn=a%22b%3c&x=1', 'form', protection([{ name: 'ssn' }]))).toString()
  const token = decodeURIComponent(/ssn=([^&]*)/.exec(sealed)![1]!)
  assert.equal(
    (await open(Buffer.from(JSON.stringify({ ssn: token })), 'json')).toString(),
    '{"ssn":"a\\"b<"}',
  )
  assert.equal((await open(Buffer.from(`<r>${token}</r>`), 'xml')).toString(), '<r>a"b&lt;</r>')
})

test('paths are shown as they are written', () => {
  assert.equal(showPath(['a', 0, 'b', 'c.d']), 'a[0].b["c.d"]')
})
