import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, type AskParts, crsRequest, engineOf, idsOf } from './crs.fixture.ts'
import { SecLangError } from './seclang-problem.ts'

const TABLE: readonly {
  readonly what: string
  readonly rules: string
  readonly request: AskParts
  readonly ids: readonly number[]
}[] = [
  {
    what: 'an argument in the query string is decoded once',
    rules: 'SecRule ARGS:q "@streq a b&c" "id:1,phase:1,pass"',
    request: { target: '/?q=a+b%26c' },
    ids: [1],
  },
  {
    what: 'names of arguments do not mind their case',
    rules: 'SecRule ARGS:Q "@streq x" "id:1,phase:1,pass"',
    request: { target: '/?q=x' },
    ids: [1],
  },
  {
    what: 'a left-out argument is not looked at, another one is',
    rules: 'SecRule ARGS|!ARGS:pw "@contains \'" "id:1,phase:2,pass"',
    request: { target: "/?pw='" },
    ids: [],
  },
  {
    what: 'a chain needs all its links',
    rules: 'SecRule ARGS:a "@streq 1" "id:1,phase:1,pass,chain"\nSecRule ARGS:b "@streq 2"',
    request: { target: '/?a=1&b=3' },
    ids: [],
  },
  {
    what: 'what a first link captured is there for the next',
    rules: 'SecRule ARGS:a "@rx ^x(.*)$" "id:1,phase:1,pass,capture,chain"\nSecRule TX:1 "@streq yz"',
    request: { target: '/?a=xyz' },
    ids: [1],
  },
  {
    what: 'scores add up and are compared with a variable',
    rules: [
      'SecAction "id:1,phase:1,nolog,pass,setvar:tx.limit=10,setvar:tx.score=0"',
      'SecRule ARGS "@rx bad" "id:2,phase:2,pass,setvar:tx.score=+5"',
      'SecRule TX:score "@ge %{tx.limit}" "id:3,phase:2,deny"',
    ].join('\n'),
    request: { target: '/?a=bad&b=bad' },
    ids: [2, 3],
  },
  {
    what: 'a gate whose answer is known at load skips to its marker',
    rules: [
      'SecAction "id:1,phase:1,nolog,pass,setvar:tx.level=1"',
      'SecRule TX:level "@lt 2" "id:2,phase:2,nolog,pass,skipAfter:END"',
      'SecRule ARGS "@rx bad" "id:3,phase:2,pass"',
      'SecMarker END',
      'SecRule ARGS "@rx bad" "id:4,phase:2,pass"',
    ].join('\n'),
    request: { target: '/?a=bad' },
    ids: [4],
  },
  {
    what: 'a gate that a request can open is asked each time',
    rules: [
      'SecAction "id:1,phase:1,nolog,pass,setvar:tx.level=1"',
      'SecRule REMOTE_ADDR "@ipMatch 192.0.2.0/24" "id:5,phase:1,nolog,pass,setvar:tx.level=2"',
      'SecRule TX:level "@lt 2" "id:2,phase:2,nolog,pass,skipAfter:END"',
      'SecRule ARGS "@rx bad" "id:3,phase:2,pass"',
      'SecMarker END',
    ].join('\n'),
    request: { target: '/?a=bad' },
    ids: [3],
  },
  {
    what: 'ctl takes a target out of a rule for one request',
    rules: [
      'SecRule REQUEST_FILENAME "@beginsWith /edit" "id:1,phase:1,nolog,pass,ctl:ruleRemoveTargetById=2;ARGS:text"',
      'SecRule ARGS "@contains <" "id:2,phase:2,pass"',
    ].join('\n'),
    request: { target: '/edit?text=<b>' },
    ids: [],
  },
  {
    what: 'the rule is there for other paths',
    rules: [
      'SecRule REQUEST_FILENAME "@beginsWith /edit" "id:1,phase:1,nolog,pass,ctl:ruleRemoveTargetById=2;ARGS:text"',
      'SecRule ARGS "@contains <" "id:2,phase:2,pass"',
    ].join('\n'),
    request: { target: '/other?text=<b>' },
    ids: [2],
  },
  {
    what: 'a negated operator holds where the header is something else',
    rules: 'SecRule REQUEST_METHOD "!@within GET HEAD" "id:1,phase:1,pass"',
    request: { method: 'PUT' },
    ids: [1],
  },
  {
    what: 'a count of none is a value',
    rules: 'SecRule &REQUEST_HEADERS:Host "@eq 0" "id:1,phase:1,pass"',
    request: {},
    ids: [1],
  },
  {
    what: 'multiMatch looks at every step of the transformations',
    rules: 'SecRule ARGS:a "@streq %3Cb" "id:1,phase:1,pass,t:urlDecode,multiMatch"',
    request: { target: '/?a=%253Cb' },
    ids: [1],
  },
  {
    what: 'phrases of a file are found in any case',
    rules: 'SecRule ARGS "@pmFromFile words.data" "id:1,phase:1,pass"',
    request: { target: '/?a=ONEtwo' },
    ids: [1],
  },
  {
    what: 'JSON counts both of two equal keys',
    rules: 'SecRule ARGS:json.a.0 "@streq evil" "id:1,phase:2,pass"',
    request: {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"a":["evil"],"a":["good"]}',
    },
    ids: [1],
  },
  {
    what: 'JSON that breaks off is an error, and what came before counts',
    rules: 'SecRule REQBODY_ERROR "@eq 1" "id:1,phase:2,pass"\nSecRule ARGS "@streq x" "id:2,phase:2,pass"',
    request: { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"a":"x","b":' },
    ids: [1, 2],
  },
  {
    what: 'XML gives its texts and its attributes',
    rules:
      'SecRule XML:/* "@contains b<c" "id:1,phase:2,pass"\nSecRule XML://@* "@streq v" "id:2,phase:2,pass"',
    request: { method: 'POST', headers: { 'Content-Type': 'text/xml' }, body: '<a k="v">b&lt;c</a>' },
    ids: [1, 2],
  },
  {
    what: 'multipart gives fields, files and part headers',
    rules: [
      'SecRule ARGS:f "@streq value" "id:1,phase:2,pass"',
      'SecRule FILES "@streq x.php" "id:2,phase:2,pass"',
      'SecRule MULTIPART_PART_HEADERS:up "@contains text/x-php" "id:3,phase:2,pass"',
    ].join('\n'),
    request: {
      method: 'POST',
      headers: { 'Content-Type': 'multipart/form-data; boundary=B' },
      body: '--B\r\nContent-Disposition: form-data; name="f"\r\n\r\nvalue\r\n--B\r\nContent-Disposition: form-data; name="up"; filename="x.php"\r\nContent-Type: text/x-php\r\n\r\n<?php\r\n--B--\r\n',
    },
    ids: [1, 2, 3],
  },
  {
    what: 'cookies are split and not decoded',
    rules: 'SecRule REQUEST_COOKIES:b "@streq %41" "id:1,phase:1,pass"',
    request: { headers: { Cookie: 'a=1; b=%41' } },
    ids: [1],
  },
  {
    what: 'a pattern with a reference to a group finds the same word again',
    rules: 'SecRule ARGS "@rx ^(\\w+)=\\1$" "id:1,phase:1,pass"',
    request: { target: '/?q=x1%3Dx1' },
    ids: [1],
  },
  {
    what: 'rules of CRS 4 load: sets of variables, early blocking, skipAfter over plugins',
    rules: [
      'SecAction "id:1,phase:1,pass,nolog,setvar:tx.detection_paranoia_level=1,setvar:tx.early_blocking=1,setvar:tx.blocking_inbound_anomaly_score=0,setvar:tx.inbound_anomaly_score_threshold=5,setvar:tx.inbound_anomaly_score_pl1=0"',
      "SecRule ARGS_NAMES|ARGS|XML:/* \"@rx (?i)\\x5cu[0-9a-f]{4}|union\\s+select\" \"id:2,phase:1,block,capture,t:none,t:urlDecodeUni,msg:'x',tag:'attack-sqli',severity:'CRITICAL',setvar:'tx.inbound_anomaly_score_pl1=+5'\"",
      'SecRule TX:DETECTION_PARANOIA_LEVEL "@lt 2" "id:3,phase:1,pass,nolog,skipAfter:END-PL"',
      'SecMarker "END-PL"',
      'SecAction "id:4,phase:1,pass,nolog,setvar:\'tx.blocking_inbound_anomaly_score=+%{tx.inbound_anomaly_score_pl1}\'"',
      'SecRule TX:BLOCKING_INBOUND_ANOMALY_SCORE "@ge %{tx.inbound_anomaly_score_threshold}" "id:5,phase:1,deny,chain"',
      'SecRule TX:EARLY_BLOCKING "@eq 1"',
    ].join('\n'),
    request: { target: '/?q=UNION%20SELECT' },
    ids: [2, 5],
  },
]

for (const { what, rules, request, ids } of TABLE) {
  test(what, () => {
    // The rule with CRS 4 syntax blocks by the default action, which lets go on as in crs-setup.conf.
    const text = `SecDefaultAction "phase:1,log,auditlog,pass"\n${rules}`
    assert.deepEqual(idsOf(ask(engineOf(text, { 'words.data': '# words\none\ntwo words\n' }), request)), ids)
  })
}

test('deny decides, with its status; detection only finds', () => {
  const rule = 'SecRule ARGS "@rx bad" "id:1,phase:2,deny,status:406"'
  assert.equal(ask(engineOf(rule), { target: '/?a=bad' }).ruling?.status, 406)
  const detecting = ask(engineOf(`SecRuleEngine DetectionOnly\n${rule}`), { target: '/?a=bad' })
  assert.equal(detecting.ruling, undefined)
  assert.deepEqual(idsOf(detecting), [1])
})

test('a collection of an address outlives the request, and its variables end', () => {
  const engine = engineOf(
    [
      'SecAction "id:1,phase:1,nolog,pass,initcol:ip=%{REMOTE_ADDR}"',
      'SecRule IP:count "@ge 2" "id:2,phase:1,pass"',
      'SecAction "id:3,phase:1,nolog,pass,setvar:ip.count=+1,expirevar:ip.count=60"',
    ].join('\n'),
  )
  const at = (now: number, from: string): number[] => idsOf(ask(engine, { now, from }))
  assert.deepEqual([at(0, '192.0.2.1'), at(1_000, '192.0.2.1'), at(2_000, '192.0.2.1')], [[], [], [2]])
  assert.deepEqual(at(3_000, '192.0.2.2'), [], 'another address has a count of its own')
  assert.deepEqual(at(90_000, '192.0.2.1'), [], 'and it ends')
})

test('explain leaves no trace in collections', () => {
  const engine = engineOf(
    [
      'SecAction "id:1,phase:1,nolog,pass,initcol:ip=%{REMOTE_ADDR}"',
      'SecRule IP:count "@ge 1" "id:2,phase:1,pass"',
      'SecAction "id:3,phase:1,nolog,pass,setvar:ip.count=+1"',
    ].join('\n'),
  )
  engine.evaluateRequest(crsRequest({}), '', true)
  assert.deepEqual(idsOf(ask(engine)), [])
})

test('response rules see status, headers and body', () => {
  const engine = engineOf('SecRule RESPONSE_BODY "@contains ORA-00933" "id:1,phase:4,deny"')
  const run = engine.evaluateRequest(crsRequest({}), '')
  assert.equal(run.wantsResponse('text/html; charset=utf-8'), 'body')
  assert.equal(run.wantsResponse('image/png'), 'head')
  const response = {
    status: 500,
    protocol: 'HTTP/1.1',
    headers: ['Content-Type', 'text/html'],
    body: 'ORA-00933: x',
  }
  assert.equal(run.evaluateResponse(response).ruling?.rule.rule.id, 1)
})

const BAD: readonly { readonly what: string; readonly rules: string; readonly says: RegExp }[] = [
  {
    what: 'a directive',
    rules: '\nSecRool ARGS "@rx x" "id:1"',
    says: /^test\.conf:2: the directive SecRool is not known/,
  },
  {
    what: 'a variable',
    rules: 'SecRule ARGZ "@rx x" "id:1"',
    says: /test\.conf:1: the variable ARGZ is not known/,
  },
  { what: 'an operator', rules: 'SecRule ARGS "@regex x" "id:1"', says: /the operator @regex is not known/ },
  { what: 'a pattern', rules: 'SecRule ARGS "@rx (" "id:1"', says: /a group has no closing parenthesis/ },
  {
    what: 'a transformation',
    rules: 'SecRule ARGS "@rx x" "id:1,t:lower"',
    says: /the transformation lower is not known/,
  },
  { what: 'an action', rules: 'SecAction "id:1,explode"', says: /the action explode is not supported/ },
  { what: 'a quote', rules: 'SecAction "id:1', says: /no closing quote/ },
  {
    what: 'a data file',
    rules: 'SecRule ARGS "@pmFromFile no.data" "id:1"',
    says: /the data file no\.data cannot be read/,
  },
  { what: 'a marker', rules: 'SecAction "id:1,pass,skipAfter:NOWHERE"', says: /names no SecMarker/ },
  { what: 'a chain', rules: 'SecRule ARGS "@rx x" "id:1,chain"', says: /a chain begins here/ },
  {
    what: 'an id',
    rules: 'SecAction "id:1,pass"\nSecAction "id:1,pass"',
    says: /test\.conf:2: the rule id 1 is taken already, by test\.conf:1/,
  },
]

test('what is wrong with rules is told with file and line', () => {
  for (const { what, rules, says } of BAD) {
    assert.throws(
      () => engineOf(rules),
      (error) => error instanceof SecLangError && says.test(error.message),
      what,
    )
  }
})

test('all problems are told at once', () => {
  assert.throws(
    () => engineOf('SecRool x\nSecRule ARGZ "@rx x" "id:1"\nSecRule ARGS "@nothing x" "id:2"'),
    (error) => error instanceof SecLangError && error.problems.length === 3,
  )
})
