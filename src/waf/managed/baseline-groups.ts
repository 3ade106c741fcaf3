import { anyOf, contains, group, header, largerThan, matches, not, perPart, xss, DECODED } from './build.ts'

const USER_AGENT = header('user-agent')

/** Tools that scan sites for weaknesses, by what they call themselves. */
const BAD_BOTS =
  '(?:nessus|nmap|sqlmap|nikto|masscan|zgrab|zmeu|acunetix|netsparker|openvas|w3af|wpscan|dirbuster|gobuster|dirsearch|feroxbuster|wfuzz|ffuf|nuclei|havij|arachni|whatweb|jorgee|morfeus|paros|skipfish|commix|burpcollaborator|l9explore|l9tcpid|censysinspect|webinspect|appscan)'

/** The addresses under which clouds tell machines about themselves, in the spellings that resolvers take. */
const METADATA =
  '(?:169\\.254\\.169\\.254|169\\.254\\.170\\.2|\\[?fd00:ec2::254|2852039166|0xa9\\.?0?xfe\\.?0?xa9\\.?0?xfe|0251\\.0376\\.0251\\.0376|metadata\\.google\\.internal|instance-data(?:\\.ec2\\.internal)?\\/)'

const TRAVERSAL =
  '(?:\\.\\.[/\\\\].*\\.\\.[/\\\\]|(?:^|[/\\\\=])\\.\\.[/\\\\](?:etc|proc|var|usr|windows|boot|home|root)(?:[/\\\\]|$)|%2e%2e(?:%2f|/|%5c))'
const RESTRICTED =
  '\\.(?:bak|backup|conf|config|db|dbf|dll|inc|ini|key|ldb|log|mdb|mdf|old|pem|pgp|psd1|pwd|reg|rdb|sql|swp|sys|tfstate)$'
const REMOTE_FILE =
  '^\\s*(?:(?:https?|ftps?|gopher|dict|tftp|ldaps?|smb|file):)?//\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}(?:[:/?]|$)'
const REMOTE_FILE_ANYWHERE =
  '(?:https?|ftps?|gopher|dict|tftp):/{1,2}\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}(?:[:/?]|$)'

/** AWSManagedRulesCommonRuleSet. */
export const commonRuleSet = group('core-rule-set', 700, [
  {
    name: 'NoUserAgent_HEADER',
    label: 'NoUserAgent_Header',
    statement: not(largerThan(USER_AGENT, 0)),
    fidelity: 'exact',
  },
  {
    name: 'UserAgent_BadBots_HEADER',
    label: 'BadBots_Header',
    statement: matches(USER_AGENT, BAD_BOTS, ['LOWERCASE']),
    fidelity: 'approximated',
  },
  ...perPart('SizeRestrictions', ['QUERYSTRING'], 'exact', (field) => largerThan(field, 2_048)),
  {
    name: 'SizeRestrictions_Cookie_HEADER',
    label: 'SizeRestrictions_Cookie_Header',
    statement: largerThan(header('cookie'), 10_240),
    fidelity: 'exact',
  },
  ...perPart('SizeRestrictions', ['BODY'], 'exact', () =>
    largerThan({ Body: { OversizeHandling: 'MATCH' } }, 8_192),
  ),
  ...perPart('SizeRestrictions', ['URIPATH'], 'exact', (field) => largerThan(field, 1_024)),
  ...perPart('EC2MetaDataSSRF', ['BODY', 'COOKIE', 'URIPATH', 'QUERYARGUMENTS'], 'documented', (field) =>
    matches(field, METADATA),
  ),
  ...perPart('GenericLFI', ['QUERYARGUMENTS', 'URIPATH', 'BODY'], 'documented', (field) =>
    matches(field, TRAVERSAL, ['URL_DECODE_UNI', 'URL_DECODE_UNI', 'LOWERCASE']),
  ),
  ...perPart('RestrictedExtensions', ['URIPATH', 'QUERYARGUMENTS'], 'documented', (field) =>
    matches(field, RESTRICTED, ['URL_DECODE_UNI', 'LOWERCASE', 'REMOVE_NULLS']),
  ),
  ...perPart('GenericRFI', ['QUERYARGUMENTS', 'BODY', 'URIPATH'], 'documented', (field, part) =>
    matches(field, part === 'QUERYARGUMENTS' ? REMOTE_FILE : REMOTE_FILE_ANYWHERE),
  ),
  ...perPart('CrossSiteScripting', ['COOKIE', 'QUERYARGUMENTS', 'BODY', 'URIPATH'], 'documented', (field) =>
    xss(field),
  ),
])

const ADMIN_PATHS =
  '(?:^|/)(?:admin(?:er|istrator|console|panel)?|phpmyadmin|pma|myadmin|mysqladmin|sqlmanager|sqlweb|webadmin|cpanel|wp-admin|manager/html|jmx-console|web-console|solr/admin|system/console|_admin|server-status|pgadmin\\d?)(?:[/.;?]|$)'

/** AWSManagedRulesAdminProtectionRuleSet. */
export const adminProtectionRuleSet = group(
  'admin-protection',
  100,
  perPart('AdminProtection', ['URIPATH'], 'documented', (field) =>
    matches(field, ADMIN_PATHS, ['URL_DECODE_UNI', 'NORMALIZE_PATH', 'LOWERCASE']),
  ),
)

const JAVA_RCE =
  '(?:java\\.lang\\.(?:runtime|processbuilder|class\\.forname)|\\.getruntime\\(\\)|getclass\\(\\)\\.forname|classloader\\.(?:resources|urls)|class\\.module\\.classloader|rO0AB[XQ]|aced0005|com\\.sun\\.(?:rowset|org\\.apache)|org\\.apache\\.commons\\.collections\\.functors|ysoserial|\\(#?_memberaccess|ognl\\.ognlcontext|t\\(java\\.lang)'
const LOG4J = '\\$(?:\\{|%7b)(?:[^}]{0,60}\\$\\{[^}]{0,60}|[^}]{0,20})(?:jndi|:-j\\}|:j\\}|lower:|upper:|::-)'
const EXPLOITABLE_PATHS =
  '(?:^|/)(?:(?:web|meta)-inf(?:/|$)|\\.git/|\\.svn/|\\.env(?:\\.\\w+)?$|\\.aws/credentials|\\.ssh/|\\.htpasswd|\\.ds_store|cgi-bin/(?:\\.|%2e)|vendor/phpunit|_ignition/execute-solution|boaform/|hnap1|actuator/(?:env|heapdump|gateway)|console/(?:images|css)/.*\\.portal|druid/indexer|solr/.*/config|owa/auth/x\\.js|autodiscover/autodiscover\\.json.*@)'
const REACT_RCE =
  '(?:\\$\\d?:?(?:constructor|__proto__)|__proto__:then|"status"\\s*:\\s*"resolved_model"|_formdata.{0,40}constructor)'

/** AWSManagedRulesKnownBadInputsRuleSet. */
export const knownBadInputsRuleSet = group('known-bad-inputs', 200, [
  ...perPart('JavaDeserializationRCE', ['HEADER', 'BODY', 'URIPATH', 'QUERYSTRING'], 'documented', (field) =>
    anyOf(matches(field, JAVA_RCE), contains(field, 'rO0AB', 'CONTAINS', DECODED)),
  ),
  {
    name: 'Host_localhost_HEADER',
    label: 'Host_Localhost_Header',
    statement: matches(header('host'), '^(?:localhost|127\\.0\\.0\\.1|\\[::1\\])(?::\\d+)?$', ['LOWERCASE']),
    fidelity: 'documented',
  },
  {
    name: 'PROPFIND_METHOD',
    label: 'Propfind_Method',
    statement: contains({ Method: {} }, 'PROPFIND', 'EXACTLY'),
    fidelity: 'exact',
  },
  ...perPart('ExploitablePaths', ['URIPATH'], 'documented', (field) =>
    matches(field, EXPLOITABLE_PATHS, ['URL_DECODE_UNI', 'NORMALIZE_PATH', 'LOWERCASE']),
  ),
  ...perPart('Log4JRCE', ['HEADER', 'QUERYSTRING', 'BODY', 'URIPATH'], 'documented', (field) =>
    matches(field, LOG4J, ['URL_DECODE_UNI', 'URL_DECODE_UNI', 'LOWERCASE']),
  ),
  ...perPart('ReactJSRCE', ['BODY'], 'approximated', (field) =>
    matches(field, REACT_RCE, ['URL_DECODE_UNI', 'JS_DECODE', 'LOWERCASE']),
  ),
])
