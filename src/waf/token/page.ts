import type { TokenKind } from './token.ts'

/** Everything the pages ask for lies below this path of the site itself, so that any CSP with 'self' lets it through. */
export const TOKEN_PATH = '/_edgeward/waf'

/** The page that a viewer sees instead of the content. What it shows and asks for comes from its script and style. */
export function challengePage(kind: TokenKind, challenge: string, bits: number): string {
  const isCaptcha = kind === 'captcha'
  const title = isCaptcha ? 'Please confirm that you are a person' : 'Checking your browser'
  const text = isCaptcha
    ? 'Press the button to go on. Your browser then solves a small puzzle by itself.'
    : 'Your browser solves a small puzzle by itself. The page opens in a moment.'
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="stylesheet" href="${TOKEN_PATH}/page.css">
</head>
<body>
<main>
<h1>${title}</h1>
<p id="text" role="status">${text}</p>
${isCaptcha ? '<button id="go" type="button">I am a person</button>\n' : ''}<progress id="bar" max="1" value="0"${isCaptcha ? ' hidden' : ''}></progress>
<noscript><p>This check needs JavaScript. Switch it on and load the page again.</p></noscript>
</main>
<script src="${TOKEN_PATH}/page.js" data-kind="${kind}" data-challenge="${challenge}" data-bits="${bits}"></script>
</body>
</html>
`
}

export const PAGE_STYLE = `html { color-scheme: light dark; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 26rem; padding: 2rem; text-align: center; }
h1 { font-size: 1.25rem; margin: 0 0 0.5rem; }
p { margin: 0 0 1.25rem; }
progress { width: 100%; height: 0.5rem; accent-color: #2563eb; }
button { font: inherit; padding: 0.6rem 1.4rem; border: 0; border-radius: 0.4rem; background: #2563eb; color: #fff; cursor: pointer; }
button:focus-visible { outline: 3px solid #93c5fd; }
[hidden] { display: none; }
`

/**
 * The script of the page: looks for a counter whose hash with the challenge begins with enough zero bits, shows it to
 * the edge, which sets the token as a cookie, and loads the page again. SHA-256 is written out because
 * `crypto.subtle` is only there in secure contexts.
 */
export const PAGE_SCRIPT = String.raw`(() => {
  'use strict'
  const { kind, challenge, bits } = document.currentScript.dataset
  const text = document.getElementById('text')
  const bar = document.getElementById('bar')
  const button = document.getElementById('go')
  const TRIES = 'edgeward-waf-tries'

  const K = new Uint32Array(64)
  const START = new Uint32Array(8)
  for (let n = 2, i = 0; i < 64; n++) {
    let prime = true
    for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false
    if (!prime) continue
    if (i < 8) START[i] = (Math.sqrt(n) % 1) * 4294967296
    K[i++] = (Math.cbrt(n) % 1) * 4294967296
  }

  // The first word of SHA-256 of a text of at most 55 bytes, which is one block.
  const words = new Uint32Array(64)
  function firstWord(message) {
    words.fill(0, 0, 16)
    for (let i = 0; i < message.length; i++) words[i >> 2] |= message.charCodeAt(i) << (24 - (i & 3) * 8)
    words[message.length >> 2] |= 0x80 << (24 - (message.length & 3) * 8)
    words[15] = message.length * 8
    for (let i = 16; i < 64; i++) {
      const a = words[i - 15]
      const b = words[i - 2]
      const s0 = ((a >>> 7) | (a << 25)) ^ ((a >>> 18) | (a << 14)) ^ (a >>> 3)
      const s1 = ((b >>> 17) | (b << 15)) ^ ((b >>> 19) | (b << 13)) ^ (b >>> 10)
      words[i] = words[i - 16] + s0 + words[i - 7] + s1
    }
    let [a, b, c, d, e, f, g, h] = START
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + words[i]) | 0
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
      h = g
      g = f
      f = e
      e = (d + t1) | 0
      d = c
      c = b
      b = a
      a = (t1 + t2) | 0
    }
    return (START[0] + a) >>> 0
  }

  const limit = 2 ** (32 - Number(bits))
  const expected = 2 ** Number(bits)
  let counter = 0
  function search() {
    const until = performance.now() + 12
    while (performance.now() < until) {
      for (let i = 0; i < 256; i++, counter++) {
        if (firstWord(challenge + ':' + counter) < limit) return show(counter)
      }
    }
    // How long it takes is chance; the bar comes near its end and never reaches it.
    bar.value = 1 - Math.exp(-counter / expected)
    setTimeout(search, 0)
  }

  async function show(solution) {
    bar.value = 1
    try {
      const response = await fetch('${TOKEN_PATH}/token', {
        method: 'POST',
        credentials: 'same-origin',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ challenge, counter: solution }),
      })
      if (response.ok) location.reload()
      else text.textContent = 'The check was not accepted. Load the page again to get a new one.'
    } catch {
      text.textContent = 'The check could not be sent. Look after your connection and load the page again.'
    }
  }

  function tooManyTries() {
    try {
      const [since, count] = (sessionStorage.getItem(TRIES) || '0 0').split(' ').map(Number)
      const isRecent = Date.now() - since < 30000
      sessionStorage.setItem(TRIES, (isRecent ? since : Date.now()) + ' ' + (isRecent ? count + 1 : 1))
      return isRecent && count >= 4
    } catch {
      return false
    }
  }

  if (!navigator.cookieEnabled || tooManyTries()) {
    text.textContent = 'This check needs cookies. Allow them for this site and load the page again.'
    bar.hidden = true
    if (button) button.hidden = true
  } else if (kind === 'captcha') {
    button.addEventListener('click', (event) => {
      if (!event.isTrusted) return
      button.hidden = true
      bar.hidden = false
      text.textContent = 'Thank you. One moment.'
      search()
    })
  } else search()
})()
`
