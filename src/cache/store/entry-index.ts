import { isNameSelected, type NameSelector } from '../../http/name-selector.ts'
import type { Identity, Selector } from './selection.ts'
import { isSelected } from './selection.ts'

/** What the index keeps of a thing it has taken in: its place in every list. */
export interface Indexed<T> {
  readonly about: Identity
  /** Its place among the members of its base key: the moment of the request that brought it. */
  order: number
  links: readonly Link<T>[]
}

/** A member of one list. `older` stays when the member is removed, so that whoever stands on it finds the way on. */
interface Link<T> {
  readonly item: T
  readonly list: Lists<T>
  readonly name: string
  newer: Link<T> | undefined
  older: Link<T> | undefined
  isRemoved: boolean
}

type Lists<T> = Map<string, Link<T>>

/** Bytes the index takes for an entry beside its strings: links and places in maps, measured on Node 26. */
export function indexCost(about: Identity): number {
  return 340 + about.tags.length * 150
}

/**
 * Finds entries by base key, by distribution and path, and by tag. Adding and removing are O(1) for each of these;
 * going through a selection may pause between any two entries while others come and go.
 */
export class EntryIndex<T extends Indexed<T>> {
  readonly #byBaseKey: Lists<T> = new Map()
  readonly #byDistribution = new Map<string, Lists<T>>()
  readonly #byTag: Lists<T> = new Map()

  add(item: T): void {
    const { baseKey, distributionId, path, tags } = item.about
    let paths = this.#byDistribution.get(distributionId)
    if (paths === undefined) this.#byDistribution.set(distributionId, (paths = new Map()))
    // Few share a base key; a tag may be on everything, and there the order does not matter.
    const links = [linkInOrder(this.#byBaseKey, baseKey, item), linkFirst(paths, path, item)]
    for (const tag of tags) links.push(linkFirst(this.#byTag, tag, item))
    item.links = links
  }

  remove(item: T): void {
    for (const each of item.links) unlink(each)
    item.links = []
    const { distributionId } = item.about
    if (this.#byDistribution.get(distributionId)?.size === 0) this.#byDistribution.delete(distributionId)
  }

  /** The members of a base key, those of the newest requests first. */
  ofBaseKey(baseKey: string): T[] {
    const items: T[] = []
    for (const item of members(this.#byBaseKey.get(baseKey))) items.push(item)
    return items
  }

  /** Members of a base key beyond its `most` newest ones. */
  beyond(baseKey: string, most: number): T[] {
    const items: T[] = []
    let count = 0
    for (const item of members(this.#byBaseKey.get(baseKey))) if (++count > most) items.push(item)
    return items
  }

  /** What is selected, in no particular order; it may give an item twice. What comes in meanwhile may be left out. */
  *select(selector: Selector): Generator<T | undefined, void> {
    for (const item of this.#candidates(selector)) {
      yield item !== undefined && isSelected(selector, item.about) ? item : undefined
    }
  }

  /** A superset of what is selected, from the narrowest list; undefined for a step that found nothing. */
  *#candidates(selector: Selector): Generator<T | undefined, void> {
    const { tags, paths, distributionId } = selector
    if (tags !== undefined) {
      yield* ofNames(this.#byTag, tags)
      return
    }
    const distributions =
      distributionId === undefined
        ? this.#byDistribution.values()
        : [this.#byDistribution.get(distributionId) ?? new Map<string, Link<T>>()]
    for (const lists of distributions) yield* ofNames(lists, paths)
  }
}

/** Members of the lists whose names are selected; of all when nothing says which. */
function* ofNames<T>(lists: Lists<T>, selector: NameSelector | undefined): Generator<T | undefined, void> {
  if (selector !== undefined && selector.prefixes.length === 0) {
    for (const name of selector.exact) yield* members(lists.get(name))
    return
  }
  for (const [name, newest] of lists) {
    if (selector === undefined || isNameSelected(selector, name)) yield* members(newest)
    else yield undefined
  }
}

function* members<T>(newest: Link<T> | undefined): Generator<T, void> {
  for (let at = newest; at !== undefined; at = at.older) if (!at.isRemoved) yield at.item
}

function linkInOrder<T extends Indexed<T>>(list: Lists<T>, name: string, item: T): Link<T> {
  let newer: Link<T> | undefined
  let older = list.get(name)
  while (older !== undefined && older.item.order > item.order) {
    newer = older
    older = older.older
  }
  return link(list, name, item, newer, older)
}

function linkFirst<T>(list: Lists<T>, name: string, item: T): Link<T> {
  return link(list, name, item, undefined, list.get(name))
}

/** Both neighbours are told, none by leaving it out: behind the oldest there is nothing, before the newest neither. */
function link<T>(
  list: Lists<T>,
  name: string,
  item: T,
  newer: Link<T> | undefined,
  older: Link<T> | undefined,
): Link<T> {
  const added: Link<T> = { item, list, name, newer, older, isRemoved: false }
  if (older !== undefined) older.newer = added
  if (newer !== undefined) newer.older = added
  else list.set(name, added)
  return added
}

function unlink<T>(removed: Link<T>): void {
  removed.isRemoved = true
  const { newer, older, list, name } = removed
  if (older !== undefined) older.newer = newer
  if (newer !== undefined) newer.older = older
  else if (older !== undefined) list.set(name, older)
  else list.delete(name)
}
