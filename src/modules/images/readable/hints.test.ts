import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HeaderList } from '../../../http/header-list.ts'
import { type HintSettings, resolveHints } from './hints.ts'
import { knownParameters } from './parameters.ts'

const SETTINGS: HintSettings = {
  widths: [100, 200, 400],
  densities: [1, 2],
  defaultWidth: 150,
  saveDataFactor: 0.5,
}
const NAMES = [
  ...['Save-Data', 'Sec-CH-Width', 'Width', 'Sec-CH-Viewport-Width', 'Viewport-Width', 'Sec-CH-DPR', 'DPR'],
]
const value = fc.oneof(
  fc.string(),
  fc.double().map(String),
  fc.integer().map(String),
  fc.constantFrom('on', '2', '300'),
)
const fields = fc.array(fc.tuple(fc.constantFrom(...NAMES), value), { maxLength: 9 })
const query = fc.constantFrom(
  'w=auto',
  'w=auto&h=10',
  'w=auto&dpr=2',
  'w=10&dpr=auto',
  'h=10&dpr=auto',
  'w=10',
  '',
  'f=json&w=auto',
)

test('whatever viewers send, a width is one of the steps or the default, and a density one of its steps', () => {
  fc.assert(
    fc.property(query, fields, (text, pairs) => {
      const { parameters } = resolveHints(knownParameters(text), new HeaderList(pairs.flat()), SETTINGS)
      const width = Number(parameters.get('w') ?? 10)
      assert.ok([10, 100, 150, 200, 400].includes(width), String(width))
      assert.ok([undefined, '1', '2'].includes(parameters.get('dpr')))
      assert.ok([undefined, '10', '20'].includes(parameters.get('h')))
    }),
  )
})

test('what was not looked at could not have changed anything', () => {
  fc.assert(
    fc.property(query, fields, fields, (text, pairs, others) => {
      const parameters = knownParameters(text)
      const first = resolveHints(parameters, new HeaderList(pairs.flat()), SETTINGS)
      const unseen = others.filter(([name]) => !first.fields.includes(name))
      const seen = pairs.filter(([name]) => first.fields.includes(name))
      const second = resolveHints(parameters, new HeaderList([...seen, ...unseen].flat()), SETTINGS)
      assert.deepEqual(second, first)
    }),
  )
})
