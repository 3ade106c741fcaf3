import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'

const LAUNCHER = fileURLToPath(new URL('../../bin/edgeward.cjs', import.meta.url))

test('the demo runs as its README says: three teams behind one domain, and Ctrl-C drains and exits 0', async () => {
  const child = spawn(process.execPath, [LAUNCHER, 'demo', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  child.stdout.on('data', (chunk) => (text += chunk))
  child.stderr.on('data', (chunk) => (text += chunk))
  try {
    const url = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const found = /^edgeward listening on (\S+)$/.exec(line)?.[1]
        if (found !== undefined) resolve(found)
      })
      child.on('exit', (code) => reject(new Error(`ended with ${code}: ${text}`)))
    })
    const pages: [string, RegExp][] = [
      ['/', /Travel portal/],
      ['/hotels/', /Grand Budapest/],
      ['/hotels/rooms/1', /120 beds/],
      ['/pets/', /Travelling with pets/],
      ['/pets/cats/', /Cats travel/],
      ['/cars/', /Convertible/],
      ['/api/hotels', /Overlook/],
    ]
    for (const [path, expected] of pages) assert.match(await (await fetch(url + path)).text(), expected, path)

    const redirect = await fetch(`${url}/hotels/rooms`, { redirect: 'manual' })
    assert.equal(redirect.status, 301)
    assert.equal(redirect.headers.get('location'), '/hotels/rooms/')
    const slash = await fetch(`${url}/pets/cats`, { redirect: 'manual' })
    assert.equal(new URL(slash.headers.get('location')!, `${url}/pets/cats`).pathname, '/pets/cats/')
    assert.match((await fetch(`${url}/hotels/`)).headers.get('set-cookie')!, /Path=\/hotels\//)

    const booked = await fetch(`${url}/api/bookings`, { method: 'POST', body: '{"hotel":1}' })
    assert.equal(booked.status, 201)
    const missing = await fetch(`${url}/nowhere`)
    assert.equal(missing.status, 404)
    assert.match(await missing.text(), /portal's own error page/)

    const events = await fetch(`${url}/cars/live`)
    const reader = events.body!.getReader()
    assert.match(Buffer.from((await reader.read()).value!).toString(), /^event: price\n/)
    await reader.cancel()

    const socket = new WebSocket(`${url.replace('http', 'ws')}/cars/echo`)
    await once(socket, 'open')
    socket.send('hello')
    const [message] = (await once(socket, 'message')) as [Buffer]
    assert.equal(message.toString(), 'hello')
    socket.close()
    await once(socket, 'close')

    child.kill('SIGINT')
    const [code] = (await once(child, 'exit')) as [number | null]
    assert.equal(code, 0)
    assert.match(text, /GET +\/hotels\/ .* 200 .* \/hotels\* /)
    assert.match(text, /curl -N \S+\/cars\/live/)
  } finally {
    child.kill('SIGKILL')
  }
})
