import { z } from 'zod'
import { notificationPathSchema, topicArnSchema } from '../notification-config.ts'
import { AWS_TOPIC } from './change.ts'

export const AWS_URL = 'https://ip-ranges.amazonaws.com/ip-ranges.json'
const NAME = /^[A-Za-z][A-Za-z0-9-]{0,63}$/
const name = z.string().regex(NAME, 'a name begins with a letter and is made of letters, digits and -')
const url = z.url({ protocol: /^https?$/ })
const endpoint = url.optional().describe('Address of the service, where it is not the one of AWS.')
const region = z
  .string()
  .regex(/^[a-z0-9-]+$/, 'a region is written like eu-central-1')
  .optional()
  .describe('Region of AWS; that of the environment when left out.')
const command = z.array(z.string().min(1)).min(1)
const path = z.string().min(1)
const port = z.number().int().min(1).max(65_535)
const prefixName = name.describe(
  'What their names begin with; found again by it in the tag `edgeward:ip-ranges`.',
)

const portsSchema = z
  .union([
    port,
    z
      .strictObject({ from: port.describe('First port.'), to: port.describe('Last port.') })
      .refine(({ from, to }) => from <= to, 'the first port is behind the last'),
  ])
  .transform((value) => (typeof value === 'number' ? { from: value, to: value } : value))

/** What is kept equal to the ranges. */
const targetSchema = z.union([
  z
    .strictObject({
      nftables: z
        .strictObject({
          family: z.enum(['inet', 'ip', 'ip6']).default('inet').describe('Family of the table.'),
          table: z
            .string()
            .regex(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/)
            .default('edgeward')
            .describe('Table that holds the sets; made when it is missing.'),
          set: z
            .string()
            .regex(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/)
            .describe('Name of the sets before `-ipv4` and `-ipv6`.'),
          command: command.default(['nft']).describe('The command, word by word.'),
        })
        .describe('Sets of nftables on this machine; rules of yours name them.'),
    })
    .describe('nftables.'),
  z
    .strictObject({
      securityGroups: z
        .strictObject({
          vpcId: z
            .string()
            .regex(/^vpc-[0-9a-z]+$/, 'a VPC id is written like vpc-0a1b2c3d')
            .describe('The VPC.'),
          ports: z
            .array(portsSchema)
            .min(1)
            .default([{ from: 443, to: 443 }])
            .describe('TCP ports that are opened.'),
          prefixName,
          rulesPerGroup: z
            .number()
            .int()
            .min(1)
            .max(1_000)
            .default(60)
            .describe('Quota of inbound rules of one group; IPv4 and IPv6 are counted apart.'),
          groupsPerInterface: z
            .number()
            .int()
            .min(1)
            .max(16)
            .default(5)
            .describe('Quota of groups of one network interface.'),
          region,
          endpoint,
        })
        .describe('As many groups as the ranges need, on every interface that has one of them.'),
    })
    .describe('EC2 security groups.'),
  z
    .strictObject({
      prefixLists: z
        .strictObject({
          prefixName,
          maxEntries: z
            .number()
            .int()
            .min(1)
            .max(1_000)
            .default(60)
            .describe(
              'Size of a list; a security group that names it counts that many rules. It grows when it must.',
            ),
          region,
          endpoint,
        })
        .describe('One list for IPv4 and one for IPv6.'),
    })
    .describe('Managed prefix lists of a VPC.'),
  z
    .strictObject({
      awsIpSets: z
        .strictObject({
          prefixName,
          scope: z
            .enum(['REGIONAL', 'CLOUDFRONT'])
            .default('REGIONAL')
            .describe('What the web ACL stands before.'),
          region,
          endpoint,
        })
        .describe('One IP set for IPv4 and one for IPv6.'),
    })
    .describe('IP sets of AWS WAF.'),
  z
    .strictObject({ ipSet: name.describe('Name of the IP set.') })
    .describe('An IP set of this edge, for its web ACLs.'),
  z
    .strictObject({
      nginx: z
        .strictObject({
          file: path.describe('File to include in the configuration of nginx.'),
          deny: z.boolean().default(true).describe('Ends the file with `deny all`.'),
          reload: command
            .optional()
            .describe('Command that makes nginx read it: `["nginx", "-s", "reload"]`.'),
        })
        .describe('An `allow` list.'),
    })
    .describe('nginx.'),
  z
    .strictObject({ trustedProxies: z.literal(true).describe('Besides those of `trustedProxies`.') })
    .describe('The proxies whose `X-Forwarded-For` this edge believes.'),
])

const feedSchema = z
  .strictObject({
    url: url
      .optional()
      .describe(`Where the list is published. Without \`url\` and \`file\` it is that of AWS, ${AWS_URL}.`),
    file: path.optional().describe('A file instead.'),
    format: z
      .enum(['aws', 'list'])
      .default('aws')
      .describe('`aws` is the format of ip-ranges.json; `list` has one range a line, `#` begins a comment.'),
    services: z
      .array(z.string().min(1))
      .default([])
      .describe('Services such as CLOUDFRONT; left empty for all.'),
    regions: z.array(z.string().min(1)).default([]).describe('Regions such as GLOBAL; left empty for all.'),
    families: z
      .array(z.enum(['ipv4', 'ipv6']))
      .min(1)
      .default(['ipv4', 'ipv6'])
      .describe('Which addresses.'),
    aggregate: z
      .boolean()
      .default(false)
      .describe('Makes one range of neighbours; the addresses stay the same.'),
    pollEverySeconds: z
      .union([
        z
          .number()
          .int()
          .min(10)
          .max(7 * 86_400),
        z.literal(false),
      ])
      .default(3_600)
      .describe('How often the list is asked for, with its ETag. `false`: only when notified or by command.'),
    notifications: z
      .strictObject({
        distribution: z.string().min(1).describe('Distribution that answers the path.'),
        path: notificationPathSchema.describe(
          'Path to which Amazon SNS sends: the https endpoint of the subscription.',
        ),
        topicArn: topicArnSchema.default(AWS_TOPIC).describe('The topic.'),
      })
      .optional()
      .describe('A subscription of Amazon SNS; it is confirmed by itself.'),
    maxShrink: z
      .number()
      .min(0)
      .max(1)
      .default(0.2)
      .describe(
        'Part of the addresses of a family that may go at once; a list that loses more changes nothing.',
      ),
    targets: z.array(targetSchema).min(1).describe('What is kept equal to the list.'),
  })
  .refine(({ url: at, file }) => at === undefined || file === undefined, 'has both url and file: choose one')

/** The key `ipRanges` of a configuration. */
export const ipRangesSchema = z
  .strictObject({
    feeds: z.record(name, feedSchema).describe('Lists by a name of yours.'),
    alarmWebhook: url.optional().describe('URL that alarms are sent to, as JSON by POST.'),
    debug: z.boolean().default(false).describe('Logs every call that changes something.'),
  })
  .describe('Firewalls kept equal to published address ranges.')

export type IpRangesConfig = z.output<typeof ipRangesSchema>
export type FeedConfig = z.output<typeof feedSchema>
export type TargetConfig = z.output<typeof targetSchema>
