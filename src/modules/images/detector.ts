import { ImageError } from './image-error.ts'
import type { Ask, Question } from './engine/job.ts'

/** Tells the engine to crop where attention falls (engine/smart-crop.ts understands it). */
const USE_ATTENTION = { fallback: 'attention' }

export interface DetectorSettings {
  readonly url: string
  readonly faces: boolean
  readonly moderation: boolean
  /** It names what is in a picture; only uploads ask for it. */
  readonly labels?: boolean
  readonly timeoutMs: number
  readonly whenUnavailable: 'error' | 'attention'
}

const OPERATIONS = {
  faces: 'DetectFaces',
  moderation: 'DetectModerationLabels',
  labels: 'DetectLabels',
} as const satisfies Record<Question, string>
const MAX_ANSWER_BYTES = 4 << 20

/**
 * Asks the configured service, in the protocol of Amazon Rekognition (JSON 1.1: the operation in X-Amz-Target, the
 * picture as base64). What is not configured, not reachable or not understood is an error, never a pass.
 */
export function createDetector(settings: DetectorSettings | undefined): Ask {
  return async (question, rendering, minConfidence) => {
    if (settings?.[question] !== true) throw notConfigured(question)
    try {
      const response = await fetch(settings.url, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/x-amz-json-1.1',
          'X-Amz-Target': `RekognitionService.${OPERATIONS[question]}`,
        },
        body: JSON.stringify({
          Image: { Bytes: rendering.toString('base64') },
          ...(minConfidence === undefined ? {} : { MinConfidence: minConfidence }),
        }),
        redirect: 'error',
        signal: AbortSignal.timeout(settings.timeoutMs),
      })
      if (!response.ok) throw new Error(`the detector answered ${response.status}`)
      const text = await response.text()
      if (text.length > MAX_ANSWER_BYTES) throw new Error('the answer of the detector is too long')
      return JSON.parse(text) as unknown
    } catch (error) {
      if (question === 'faces' && settings.whenUnavailable === 'attention') return USE_ATTENTION
      const { code, service } = NAMES[question]
      throw new ImageError(500, code, `The ${service} gave no answer.`, { cause: error })
    }
  }
}

/** What each question is called in errors: the codes are those of the original service. */
const NAMES = {
  faces: { code: 'SmartCrop::Error', service: 'face detector' },
  moderation: { code: 'Rekognition::DetectModerationLabelsError', service: 'moderation service' },
  labels: { code: 'Rekognition::DetectLabelsError', service: 'label detector' },
} as const satisfies Record<Question, unknown>

function notConfigured(question: Question): ImageError {
  const { code, service } = NAMES[question]
  return new ImageError(501, code, `No ${service} is configured.`)
}
