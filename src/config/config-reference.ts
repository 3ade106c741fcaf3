import { z } from 'zod'
import { edgeSchema } from './schema.ts'
import { type Outline, outlineOf } from './schema-outline.ts'

/** An object of the configuration that has a section of its own on the page. */
interface Section {
  readonly path: string
  readonly outline: Outline
}

/** The reference page of the configuration, in Markdown, read off the schema. */
export function renderConfigReference(): string {
  const sections = collectSections(joinChoices(outlineOf(edgeSchema)))
  const parts = sections.map((section, index) => renderSection(section, sections.slice(0, index), sections))
  return `# Configuration

Every key of \`edgeward.config.ts\` (or \`.js\`, \`.mjs\`, \`.json\`, \`.yaml\`), read off the schema that checks it. This page is
written by \`node tools/write-config-reference.ts\`; change the descriptions in the schemas and run the tool. Editors
complete JSON and YAML by \`config.schema.json\` beside this page.

NAME stands for a name of your choice, \`[]\` for the entries of a list. Keys that are not listed here are errors. Files
are relative to the folder of the configuration. \`edgeward check\` reports every problem at once.

${parts.join('\n')}`
}

/** The JSON Schema of a configuration, for editors. */
export function renderConfigSchema(): string {
  const schema = z.toJSONSchema(edgeSchema, { io: 'input', unrepresentable: 'any', reused: 'ref' })
  return `${JSON.stringify({ title: 'Edgeward configuration', ...schema }, undefined, 2)}\n`
}

/** Of a choice between several objects, one object with the keys of all: `isChoice` says that one of them is to be taken. */
function joinChoices(outline: Outline): Outline {
  const joined: { -readonly [Key in keyof Outline]: Outline[Key] } = { ...outline }
  if (outline.properties !== undefined) {
    const entries = Object.entries(outline.properties)
    joined.properties = Object.fromEntries(entries.map(([key, value]) => [key, joinChoices(value)]))
  }
  if (outline.items !== undefined) joined.items = joinChoices(outline.items)
  if (typeof outline.additionalProperties === 'object') {
    joined.additionalProperties = joinChoices(outline.additionalProperties)
  }
  if (outline.anyOf === undefined) return joined
  const branches = outline.anyOf.map(joinChoices)
  const objects = branches.filter((branch) => branch.properties !== undefined)
  if (objects.length < 2) return { ...joined, anyOf: branches }
  const properties: Record<string, Outline> = Object.assign({}, ...objects.map((branch) => branch.properties))
  const others = branches.filter((branch) => branch.properties === undefined)
  return { ...joined, anyOf: [...others, { type: 'object', properties, isChoice: true }] }
}

/** All objects, those nearer to the top first, so that a policy is told where it has a name and referred to elsewhere. */
function collectSections(root: Outline): Section[] {
  const sections: Section[] = []
  const waiting: Section[] = [{ path: '', outline: root }]
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { path, outline } = next
    if (outline.properties !== undefined) {
      if (sections.some((section) => isSame(section.outline, outline))) continue
      sections.push(next)
      for (const [key, value] of Object.entries(outline.properties))
        waiting.push({ path: path === '' ? key : `${path}.${key}`, outline: value })
    }
    for (const branch of outline.anyOf ?? []) waiting.push({ path, outline: branch })
    if (outline.items !== undefined) waiting.push({ path: `${path}[]`, outline: outline.items })
    if (typeof outline.additionalProperties === 'object')
      waiting.push({ path: `${path}.NAME`, outline: outline.additionalProperties })
  }
  return sections
}

function renderSection(
  { path, outline }: Section,
  before: readonly Section[],
  all: readonly Section[],
): string {
  const properties = Object.entries(outline.properties ?? {})
  const contained = before.find(
    (section) =>
      Object.keys(section.outline.properties ?? {}).length > 3 && containsAll(outline, section.outline),
  )
  const own = properties.filter(([key]) => contained?.outline.properties?.[key] === undefined)
  const required = new Set(outline.required)
  const rows = own.map(([key, value]) => {
    const fallback = outline['isChoice'] === true ? 'one of these' : fallbackOf(value, required.has(key))
    return `| ${code(key)} | ${cell(typeOf(value, all))} | ${cell(fallback)} | ${cell(value.description ?? '')} |`
  })
  const lines = [`## ${path === '' ? 'The whole' : code(path)}`, '']
  if (outline.description !== undefined) lines.push(outline.description, '')
  if (contained !== undefined) lines.push(`The keys of ${link(contained)}, and:`, '')
  lines.push('| Key | Type | Default | Meaning |', '|---|---|---|---|', ...rows, '')
  return lines.join('\n')
}

function fallbackOf(outline: Outline, isRequired: boolean): string {
  if (isRequired) return 'required'
  return outline.default === undefined ? '' : code(JSON.stringify(outline.default))
}

function typeOf(outline: Outline, all: readonly Section[]): string {
  if (outline.anyOf?.every((branch) => branch.const !== undefined) === true) {
    return outline.anyOf.map((branch) => typeOf(branch, all)).join(', ')
  }
  if (outline.anyOf !== undefined)
    return [...new Set(outline.anyOf.map((branch) => typeOf(branch, all)))].join(' or ')
  if (outline.const !== undefined) return code(JSON.stringify(outline.const))
  if (outline.enum !== undefined) return outline.enum.map((value) => code(JSON.stringify(value))).join(', ')
  switch (outline.type) {
    case 'string':
      return 'text'
    case 'integer':
    case 'number':
      return `${outline.type === 'integer' ? 'whole number' : 'number'}${rangeOf(outline)}`
    case 'boolean':
      return 'true or false'
    case 'array':
      return `list of ${outline.items === undefined ? 'anything' : typeOf(outline.items, all)}`
    default:
      return typeOfObject(outline, all)
  }
}

function typeOfObject(outline: Outline, all: readonly Section[]): string {
  if (typeof outline.additionalProperties === 'object')
    return `by name: ${typeOf(outline.additionalProperties, all)}`
  const section = all.find((each) => isSame(each.outline, outline))
  return section === undefined ? 'object' : link(section)
}

function rangeOf({ minimum, maximum }: Outline): string {
  const most = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum
  const least = minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? undefined : minimum
  if (least !== undefined && most !== undefined) return `, ${least} to ${most}`
  return least === undefined ? '' : `, ${least} or more`
}

/** Whether one object has every key of another, with the same meaning. */
function containsAll(outline: Outline, other: Outline): boolean {
  return Object.entries(other.properties ?? {}).every(
    ([key, value]) => JSON.stringify(outline.properties?.[key]) === JSON.stringify(value),
  )
}

function isSame(one: Outline, other: Outline): boolean {
  return JSON.stringify(one.properties) === JSON.stringify(other.properties)
}

function link({ path }: Section): string {
  // The anchor that GitHub gives a heading: lower case, without punctuation.
  return `[${path}](#${path.toLowerCase().replaceAll(/[^a-z0-9_-]/g, '')})`
}

function code(text: string): string {
  return `\`${text}\``
}

/** A bar would end the cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
