import type { Oversize } from '../plan.ts'
import { type FieldValues, NO_VALUES, oneValue, outcome } from './field-values.ts'

/** The beginning of a body that the WAF has peeked at. */
export interface PeekedBody {
  /** Latin1 text of at most the inspection limit. */
  readonly text: string
  /** The body goes on behind it. */
  readonly isOversize: boolean
  /** Bytes of the whole body, where known. */
  readonly length: number | undefined
}

export const NO_BODY: PeekedBody = { text: '', isOversize: false, length: 0 }

/** The body as one value, up to the inspection limit. */
export function plainBody(body: PeekedBody, oversize: Oversize): FieldValues {
  if (body.isOversize && oversize !== undefined) return outcome(oversize)
  return body.text === '' ? NO_VALUES : oneValue(body.text)
}
