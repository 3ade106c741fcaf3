import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mediaTypeOf } from './media-type.ts'

const cases: readonly [fileName: string, type: string][] = [
  ['index.html', 'text/html; charset=utf-8'],
  ['INDEX.HTM', 'text/html; charset=utf-8'],
  ['app.js', 'text/javascript; charset=utf-8'],
  ['app.mjs', 'text/javascript; charset=utf-8'],
  ['app.cjs', 'text/javascript; charset=utf-8'],
  ['style.css', 'text/css; charset=utf-8'],
  ['notes.txt', 'text/plain; charset=utf-8'],
  ['readme.md', 'text/markdown; charset=utf-8'],
  ['data.json', 'application/json'],
  ['site.webmanifest', 'application/manifest+json'],
  ['logo.svg', 'image/svg+xml'],
  ['photo.jpeg', 'image/jpeg'],
  ['photo.avif', 'image/avif'],
  ['favicon.ico', 'image/vnd.microsoft.icon'],
  ['font.woff2', 'font/woff2'],
  ['module.wasm', 'application/wasm'],
  ['film.m3u8', 'application/vnd.apple.mpegurl'],
  ['archive.tar.gz', 'application/gzip'],
  ['folder.html/plain', 'application/octet-stream'],
  ['html', 'application/octet-stream'],
  ['/html', 'application/octet-stream'],
  ['.html', 'application/octet-stream'],
  ['/a/.html', 'application/octet-stream'],
  ['ends-with-dot.', 'application/octet-stream'],
  ['what.unheard-of', 'application/octet-stream'],
  ['x.constructor', 'application/octet-stream'],
  ['x.__proto__', 'application/octet-stream'],
  ['x.toString', 'application/octet-stream'],
]

for (const [fileName, type] of cases) {
  test(`${fileName} is ${type}`, () => {
    assert.equal(mediaTypeOf(fileName), type)
  })
}
