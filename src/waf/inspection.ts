import type { ViewerRequest } from '../visit.ts'
import { NO_BODY, type PeekedBody } from './fields/body.ts'
import type { FieldValues } from './fields/field-values.ts'
import type { ValueTable } from './value-table.ts'

const EMPTY = Buffer.alloc(0)

/** Where an address is. Codes are ISO 3166; undefined where the databases do not know. */
export interface WafPlace {
  readonly country?: string
  /** The second part of the ISO 3166-2 code. */
  readonly region?: string
  readonly asn?: number
}

/** Why a statement matched: the value after its transformations and the bytes of it that matched. */
export interface Evidence {
  /** As the API names it, for example `ByteMatchStatement`. */
  readonly statement: string
  /** `location` of AWS WAF logs. */
  readonly location: string
  /** Header, cookie, argument or JSON pointer. */
  readonly name: string | undefined
  readonly value: string
  readonly start: number
  readonly end: number
  /** For SQL injection and scripting: what was recognised. */
  readonly matchedData: readonly string[] | undefined
  readonly sensitivity: 'LOW' | 'HIGH' | undefined
  /** What the rule says about it, where it says something. */
  readonly message?: string
}

/** A rate-based rule that a request was counted by and found over the limit. */
export interface RateHit {
  readonly aggregate: string
  readonly limit: number
  readonly windowSeconds: number
  readonly estimate: number
  readonly values: readonly { readonly key: string; readonly name?: string; readonly value: string }[]
}

/** What is learned about one request while a web ACL looks at it. Lives for one evaluation. */
export class Inspection {
  readonly request: ViewerRequest
  /** Nothing is counted: explain looks without leaving a trace. */
  readonly isPeek: boolean
  /** Set before the first rule that needs it. */
  body: PeekedBody = NO_BODY
  isBodyRead = false
  /** All that was read of the body: what `body` holds, and more where an external group wants more. */
  peeked: Buffer = EMPTY
  /** The body goes on behind `peeked`. */
  isPeekedCut = false
  /** Fully qualified, in the order in which they were added. */
  readonly labels: string[] = []
  readonly evidence: Evidence[] = []
  rateHit: RateHit | undefined = undefined
  /** `oversizeFields` of the log. */
  readonly oversize: string[] = []
  /** Set where an ASN statement was evaluated, for the log. */
  clientAsn: number | undefined = undefined
  forwardedAsn: number | undefined = undefined
  readonly #table: ValueTable
  readonly #values: (FieldValues | undefined)[]
  readonly #lookup: (address: string) => WafPlace
  #place: WafPlace | undefined = undefined
  /** Labels of the rule being evaluated: it must not see them itself. */
  readonly #pending: string[] = []

  constructor(
    request: ViewerRequest,
    table: ValueTable,
    lookup: (address: string) => WafPlace,
    isPeek: boolean,
  ) {
    this.request = request
    this.isPeek = isPeek
    this.#table = table
    this.#lookup = lookup
    this.#values = table.empty.slice()
  }

  /** What a statement looks at, computed once per request. */
  valuesOf(number: number): FieldValues {
    return (this.#values[number] ??= this.#table.compute(number, this))
  }

  /** Where the client is. */
  get place(): WafPlace {
    return (this.#place ??= this.#lookup(this.request.client.address))
  }

  placeOf(address: string): WafPlace {
    return this.#lookup(address)
  }

  noteOversize(field: string): void {
    if (!this.oversize.includes(field)) this.oversize.push(field)
  }

  /** Adds a label when the rule at work is over. */
  addLater(label: string): void {
    if (!this.#pending.includes(label)) this.#pending.push(label)
  }

  addLabel(label: string): void {
    if (!this.labels.includes(label)) this.labels.push(label)
  }

  /** The rule at work is over: what it added on the way is now there. */
  settleLabels(): void {
    if (this.#pending.length === 0) return
    for (const label of this.#pending) this.addLabel(label)
    this.#pending.length = 0
  }
}
