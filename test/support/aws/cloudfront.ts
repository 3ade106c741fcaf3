import { createRequire } from 'node:module'
import { text } from 'node:stream/consumers'
import { type FakeService, serve, ServiceError } from './json-service.ts'

process.env['AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE'] = '1'
const require = createRequire(import.meta.url)

/** What of AWS's own XML code is used: it reads and writes by the shapes of its API model. */
interface AwsXml {
  readonly XML: {
    readonly Parser: new () => { parse(text: string, shape: unknown): Record<string, unknown> }
    readonly Builder: new () => { toXML(value: unknown, shape: unknown, root: string): string }
  }
  readonly CloudFront: new (options: object) => {
    readonly api: {
      readonly operations: Readonly<Record<string, { readonly input: Members; readonly output: Members }>>
    }
  }
}
interface Members {
  readonly members: Readonly<Record<string, unknown>>
}
interface Structure {
  readonly type?: string
  readonly required?: readonly string[]
  readonly members?: Readonly<Record<string, Structure>>
  readonly member?: Structure
  readonly isComposite?: boolean
}

export interface FakeCloudFront extends FakeService {
  config(): Readonly<Record<string, unknown>>
  /** Somebody else updates it this many times between a read and a write of others. */
  interfere(times: number): void
}

/**
 * CloudFront with one distribution: updates replace the whole configuration, must carry the ETag of the last read in
 * If-Match and every required member, and take two more looks to be deployed.
 */
export async function fakeCloudFront(
  id: string,
  given: Readonly<Record<string, unknown>>,
): Promise<FakeCloudFront> {
  const { XML, CloudFront } = require('aws-sdk') as AwsXml
  const { operations } = new CloudFront({ region: 'us-east-1' }).api
  const shapeOf = (operation: string, side: 'input' | 'output', member: string): Structure =>
    // Shapes of the model are structures all the way down.
    operations[operation]![side].members[member] as Structure
  const configShape = shapeOf('updateDistribution', 'input', 'DistributionConfig')
  let config: Readonly<Record<string, unknown>> = given
  let revision = 1
  let looksUntilDeployed = 0
  let interferences = 0
  const etag = (): string => `E${String(revision).padStart(13, '0')}`
  const calls: FakeService['calls'] = []

  const service = await serve(
    calls,
    async (request, response) => {
      const [, version, kind, wanted, part] = (request.url ?? '').split('?')[0]!.split('/')
      if (version !== '2020-05-31' || kind !== 'distribution')
        throw new ServiceError('UnknownOperation', `${request.method} ${request.url}`, 404)
      if (wanted !== id)
        throw new ServiceError('NoSuchDistribution', 'The specified distribution does not exist.', 404)
      response.setHeader('content-type', 'text/xml')
      if (request.method === 'GET' && part === 'config') {
        calls.push({ operation: 'GetDistributionConfig', input: {} })
        response.setHeader('etag', etag())
        response.end(new XML.Builder().toXML(config, configShape, 'DistributionConfig'))
        return
      }
      if (request.method === 'GET' && part === undefined) {
        calls.push({ operation: 'GetDistribution', input: {} })
        response.setHeader('etag', etag())
        const status = looksUntilDeployed-- > 0 ? 'InProgress' : 'Deployed'
        response.end(
          new XML.Builder().toXML(
            distribution(status),
            shapeOf('getDistribution', 'output', 'Distribution'),
            'Distribution',
          ),
        )
        return
      }
      if (request.method !== 'PUT' || part !== 'config')
        throw new ServiceError('UnknownOperation', `${request.method} ${request.url}`, 404)
      const input = new XML.Parser().parse(await text(request), configShape)
      calls.push({ operation: 'UpdateDistribution', input })
      const match = request.headers['if-match']
      if (match === undefined)
        throw new ServiceError(
          'InvalidIfMatchVersion',
          'The If-Match version is missing or not valid for the resource.',
        )
      if (interferences > 0) {
        interferences--
        revision++
      }
      if (match !== etag())
        throw new ServiceError(
          'PreconditionFailed',
          'The request failed because it didn’t meet the preconditions in one or more request-header fields.',
          412,
        )
      const problem = missing(input, configShape, 'DistributionConfig')
      if (problem !== undefined) throw new ServiceError('MalformedInput', `${problem} is required`)
      config = input
      revision++
      looksUntilDeployed = 2
      response.setHeader('etag', etag())
      response.end(
        new XML.Builder().toXML(
          distribution('InProgress'),
          shapeOf('updateDistribution', 'output', 'Distribution'),
          'Distribution',
        ),
      )
    },
    (error) => ({
      type: 'text/xml',
      body: `<ErrorResponse xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Error><Type>Sender</Type><Code>${error.name}</Code><Message>${error.message}</Message></Error><RequestId>1</RequestId></ErrorResponse>`,
    }),
  )

  function distribution(status: string) {
    return {
      Id: id,
      ARN: `arn:aws:cloudfront::123456789012:distribution/${id}`,
      Status: status,
      LastModifiedTime: new Date(0),
      InProgressInvalidationBatches: 0,
      DomainName: 'd111111abcdef8.cloudfront.net',
      ActiveTrustedSigners: { Enabled: false, Quantity: 0 },
      DistributionConfig: config,
    }
  }

  return Object.assign(service, {
    config: () => config,
    interfere: (times: number) => void (interferences = times),
  })
}

/** The path of the first required member that is not there. */
function missing(value: unknown, shape: Structure, path: string): string | undefined {
  if (shape.type === 'structure' && typeof value === 'object' && value !== null) {
    for (const name of shape.required ?? [])
      if (Reflect.get(value, name) === undefined) return `${path}.${name}`
    for (const [name, member] of Object.entries(shape.members ?? {})) {
      const each: unknown = Reflect.get(value, name)
      const found = each === undefined ? undefined : missing(each, member, `${path}.${name}`)
      if (found !== undefined) return found
    }
  }
  if (shape.type === 'list' && Array.isArray(value) && shape.member !== undefined) {
    for (const each of value) {
      const found = missing(each, shape.member, `${path}[]`)
      if (found !== undefined) return found
    }
  }
  return undefined
}
