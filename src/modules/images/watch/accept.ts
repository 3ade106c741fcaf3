import { createDetector } from '../detector.ts'
import type { Ask } from '../engine/job.ts'
import { ImageError } from '../image-error.ts'
import type { Accept } from '../optimise/optimise-picture.ts'
import type { OptimiserConfig } from './config.ts'

type AcceptConfig = OptimiserConfig['accept']

/** Which pictures are taken, as the engine is told. */
export function acceptOf({ minSide, types, moderation, people, detector }: AcceptConfig): Accept {
  return {
    minSide,
    types,
    moderation: moderation?.minConfidence,
    ...(!people &&
      detector !== undefined && {
        people: {
          faces: detector.faces,
          labels: detector.labels,
          minConfidence: detector.minConfidence,
        },
      }),
  }
}

/** Who answers what the engine asks of a picture: a service for moderation, another, or the same, for people. */
export function askServices({ moderation, detector }: AcceptConfig): Ask {
  const always = { faces: false, labels: false, moderation: false, whenUnavailable: 'error' as const }
  const aboutContent = createDetector(
    moderation && {
      ...always,
      moderation: true,
      url: moderation.url,
      timeoutMs: moderation.timeoutSeconds * 1000,
    },
  )
  const aboutPeople = createDetector(
    detector && {
      ...always,
      faces: detector.faces,
      labels: detector.labels,
      url: detector.url,
      timeoutMs: detector.timeoutSeconds * 1000,
    },
  )
  return async (question, ...rest) => {
    if (question === 'moderation') return await aboutContent(question, ...rest)
    try {
      return await aboutPeople(question, ...rest)
    } catch (error) {
      // Nobody who reads reports of uploads knows of smart crops.
      throw new ImageError(500, 'DetectorError', 'The service that finds people gave no answer.', {
        cause: error,
      })
    }
  }
}
