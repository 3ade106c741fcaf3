import { ImageError } from './image-error.ts'
import type { Ask } from './engine/job.ts'

/** Tells the engine to crop where attention falls (engine/smart-crop.ts understands it). */
const USE_ATTENTION = { fallback: 'attention' }

export interface DetectorSettings {
  readonly url: string
  readonly faces: boolean
  readonly moderation: boolean
  readonly timeoutMs: number
  readonly whenUnavailable: 'error' | 'attention'
}

const OPERATIONS = { faces: 'DetectFaces', moderation: 'DetectModerationLabels' } as const
const MAX_ANSWER_BYTES = 4 << 20

/**
 * Asks the configured service, in the protocol of Amazon Rekognition (JSON 1.1: the operation in X-Amz-Target, the
 * picture as base64). What is not configured, not reachable or not understood is an error, never a pass.
 */
export function createDetector(settings: DetectorSettings | undefined): Ask {
  return async (question, rendering, minConfidence) => {
    if (settings === undefined || !settings[question]) throw notConfigured(question)
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
      throw question === 'faces'
        ? new ImageError(500, 'SmartCrop::Error', 'The face detector gave no answer.', { cause: error })
        : new ImageError(
            500,
            'Rekognition::DetectModerationLabelsError',
            'The moderation service gave no answer.',
            {
              cause: error,
            },
          )
    }
  }
}

function notConfigured(question: 'faces' | 'moderation'): ImageError {
  return question === 'faces'
    ? new ImageError(501, 'SmartCrop::Error', 'No face detector is configured.')
    : new ImageError(501, 'Rekognition::DetectModerationLabelsError', 'No moderation service is configured.')
}
