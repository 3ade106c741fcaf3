import { group, matches, perPart, sqli } from './build.ts'

const EXTENDED_SQL =
  '(?:\\bunion\\b.{0,60}\\bselect\\b|\\bselect\\b.{0,200}\\bfrom\\b.{0,60}\\b(?:information_schema|sysobjects|sqlite_master|pg_catalog|all_tables)|\\b(?:sleep|benchmark|pg_sleep|waitfor\\s+delay|dbms_pipe\\.receive_message|extractvalue|updatexml|load_file|xp_cmdshell)\\b\\s*[(\'"]|\\binto\\s+(?:out|dump)file\\b|;\\s*(?:drop|alter|truncate|shutdown)\\s+\\w|\\bor\\b\\s+[\'"]?\\d+[\'"]?\\s*=\\s*[\'"]?\\d|\\border\\s+by\\s+\\d{1,3}\\s*(?:--|#|/\\*))'
const SQL_STEPS = ['URL_DECODE_UNI', 'REPLACE_COMMENTS', 'COMPRESS_WHITE_SPACE', 'LOWERCASE']

/** AWSManagedRulesSQLiRuleSet. */
export const sqliRuleSet = group('sql-database', 200, [
  ...perPart('SQLi', ['QUERYARGUMENTS', 'BODY', 'COOKIE'], 'documented', (field) => sqli(field, 'LOW')),
  ...perPart('SQLiExtendedPatterns', ['QUERYARGUMENTS', 'BODY'], 'approximated', (field) =>
    matches(field, EXTENDED_SQL, SQL_STEPS),
  ),
  ...perPart('SQLi', ['URIPATH'], 'documented', (field) => sqli(field, 'LOW')),
])

const LINUX_FILES =
  '(?:/proc/(?:self|version|\\d+)(?:/|\\b)|/etc/(?:passwd|shadow|group|hosts|issue|hostname|crontab|sudoers|ssh/|nginx/|apache2/|mysql/|fstab|resolv\\.conf)|/var/log/(?:auth|syslog|apache|nginx|messages)|/root/\\.|\\.bash_history|\\.ssh/(?:id_|authorized)|/dev/(?:tcp|fd)/)'

/** AWSManagedRulesLinuxRuleSet. */
export const linuxRuleSet = group(
  'linux-os',
  200,
  perPart('LFI', ['URIPATH', 'QUERYSTRING', 'HEADER'], 'documented', (field) =>
    matches(field, LINUX_FILES, ['URL_DECODE_UNI', 'NORMALIZE_PATH', 'LOWERCASE']),
  ),
)

const UNIX_COMMANDS =
  '(?:\\$(?:home|path|shell|ifs|pwd|user|hostname)\\b|\\$\\{(?:ifs|path|home)|[;|&`]\\s*(?:cat|ls|id|whoami|uname|wget|curl|nc|ncat|bash|sh|zsh|perl|python\\d?|php|ping|nslookup|sleep|rm|chmod|chown|ps|netstat|ifconfig|telnet)\\b(?:\\s|$|[;|&/<>])|\\$\\(\\s*(?:cat|ls|id|whoami|uname|wget|curl|nc|sleep|nslookup)\\b|`\\s*(?:id|whoami|uname|ls|cat)\\b|/bin/(?:ba|z|k|da)?sh\\b|\\b(?:wget|curl)\\s+(?:-\\w+\\s+)*https?://|/dev/tcp/\\d)'

/** AWSManagedRulesUnixRuleSet. */
export const unixRuleSet = group(
  'posix-os',
  100,
  perPart(
    'UNIXShellCommandsVariables',
    ['QUERYARGUMENTS', 'BODY', 'QUERYSTRING', 'HEADER'],
    'documented',
    (field) => matches(field, UNIX_COMMANDS, ['URL_DECODE_UNI', 'LOWERCASE']),
  ),
)

const WINDOWS_COMMANDS =
  '(?:[;|&]\\s*(?:cmd(?:\\.exe)?|nslookup|net\\s+(?:user|view|localgroup|use)|dir\\s|type\\s|ipconfig|systeminfo|tasklist|whoami|certutil|wmic|reg\\s+(?:query|add)|schtasks|bitsadmin|rundll32|regsvr32|mshta|cscript|wscript)\\b|\\bcmd(?:\\.exe)?\\s*/[ck]\\b|%(?:comspec|systemroot|windir|programfiles)%|\\\\windows\\\\system32|c:\\\\(?:windows|boot\\.ini|inetpub))'
const POWERSHELL_COMMANDS =
  '(?:\\bpowershell(?:\\.exe)?\\s+-|\\b(?:invoke-(?:expression|webrequest|command|restmethod|mimikatz)|start-process|new-object\\s+(?:system\\.)?net\\.|downloadstring\\s*\\(|downloadfile\\s*\\(|-encodedcommand|frombase64string\\s*\\(|set-executionpolicy|get-wmiobject|import-module\\s)|\\biex\\s*\\()'
const WINDOWS_STEPS = ['URL_DECODE_UNI', 'LOWERCASE', 'COMPRESS_WHITE_SPACE']

/** AWSManagedRulesWindowsRuleSet. */
export const windowsRuleSet = group('windows-os', 200, [
  ...perPart('WindowsShellCommands', ['COOKIE', 'QUERYARGUMENTS', 'BODY'], 'documented', (field) =>
    matches(field, WINDOWS_COMMANDS, WINDOWS_STEPS),
  ),
  ...perPart('PowerShellCommands', ['COOKIE', 'QUERYARGUMENTS', 'BODY'], 'documented', (field) =>
    matches(field, POWERSHELL_COMMANDS, WINDOWS_STEPS),
  ),
])

const PHP =
  '(?:<\\?(?:php|=)|\\$_(?:get|post|request|cookie|server|files|session|env)\\b|\\b(?:fsockopen|shell_exec|passthru|proc_open|popen|pcntl_exec|base64_decode|gzinflate|str_rot13|create_function|call_user_func(?:_array)?|assert|eval|system|phpinfo|file_put_contents|move_uploaded_file|chr)\\s*\\(\\s*[\'"$)\\w]|php://(?:input|filter)|data://text|expect://|phar://|allow_url_include|auto_prepend_file)'

/** AWSManagedRulesPHPRuleSet. */
export const phpRuleSet = group(
  'php-app',
  100,
  perPart('PHPHighRiskMethodsVariables', ['HEADER', 'QUERYSTRING', 'BODY'], 'documented', (field) =>
    matches(field, PHP),
  ),
)

const WORDPRESS_COMMANDS =
  '(?:do-reset-wordpress|action=(?:revslider_show_image|duplicator_download|wp_ajax_nopriv_\\w+|upload_attachment_image)|author=\\d+(?:&|$)|wp_config|wp-config\\.php|swp_debug=load_options|rest_route=/wp/v2/users)'
const WORDPRESS_PATHS =
  '(?:^|/)(?:xmlrpc\\.php|wp-config\\.php(?:\\.|~|$)|wp-content/(?:debug\\.log|uploads/.*\\.php|plugins/.*/(?:timthumb|thumb)\\.php|backup-db/)|wp-admin/(?:install|setup-config|maint/repair)\\.php|wp-json/wp/v2/users|\\.wp-config\\.php\\.swp)'

/** AWSManagedRulesWordPressRuleSet; its labels spell the parts as its rules do. */
export const wordPressRuleSet = group('wordpress-app', 100, [
  {
    name: 'WordPressExploitableCommands_QUERYSTRING',
    label: 'WordPressExploitableCommands_QUERYSTRING',
    statement: matches({ QueryString: {} }, WORDPRESS_COMMANDS, ['URL_DECODE_UNI', 'LOWERCASE']),
    fidelity: 'documented',
  },
  {
    name: 'WordPressExploitablePaths_URIPATH',
    label: 'WordPressExploitablePaths_URIPATH',
    statement: matches({ UriPath: {} }, WORDPRESS_PATHS, ['URL_DECODE_UNI', 'NORMALIZE_PATH', 'LOWERCASE']),
    fidelity: 'documented',
  },
])
