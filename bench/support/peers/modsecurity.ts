import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { temporaryFolder } from '../server-process.ts'
import type { Contender, Missing } from '../server-process.ts'
import { startNginx } from './nginx.ts'
import type { PeerOptions } from './peer.ts'

const MODULE = '/usr/lib/nginx/modules/ngx_http_modsecurity_module.so'
const RULES = '/usr/share/modsecurity-crs'
const SETUP = '/etc/modsecurity/crs/crs-setup.conf'

/** nginx with ModSecurity 3 and the Core Rule Set at its defaults (paranoia level 1), looking at both bodies. */
export async function startModsecurity(options: PeerOptions): Promise<Contender | Missing> {
  const name = 'modsecurity'
  if (!existsSync(MODULE) || !existsSync(RULES)) {
    const missing = `${existsSync(MODULE) ? RULES : MODULE} is not there (npm run setup -- --bench)`
    return { name, missing }
  }
  const folder = temporaryFolder(name)
  const file = path.join(folder.path, 'modsecurity.conf')
  writeFileSync(file, CONFIGURATION)
  const started = await startNginx({
    ...options,
    main: `load_module ${MODULE};`,
    location: `modsecurity on; modsecurity_rules_file ${file};`,
  })
  if ('missing' in started) {
    folder[Symbol.dispose]()
    return { ...started, name }
  }
  const stop = async (): Promise<void> => {
    await started.stop()
    folder[Symbol.dispose]()
  }
  return { ...started, name, stop, [Symbol.asyncDispose]: stop }
}

// What ModSecurity's recommended configuration sets, without its audit log.
const CONFIGURATION = `
SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit 13107200
SecRequestBodyNoFilesLimit 131072
SecResponseBodyAccess On
SecResponseBodyMimeType text/plain text/html text/xml
SecResponseBodyLimit 524288
SecAuditEngine Off
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
Include ${SETUP}
Include ${RULES}/rules/*.conf
`
