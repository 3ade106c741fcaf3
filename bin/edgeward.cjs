#!/usr/bin/env node
/* Old syntax on purpose: every Node.js must be able to parse this file, so that an old one can say what it lacks. */
/* oxlint-disable no-var, typescript/no-implied-eval -- see above */
'use strict'

if (!(parseInt(process.versions.node, 10) >= 24)) {
  console.error('edgeward needs Node.js 24 or newer (https://nodejs.org), this is ' + process.version)
  process.exit(1)
}

var fs = require('fs')
var nodeModule = require('module')
var path = require('path')
var url = require('url')

// Keeps compiled code (and stripped types) between starts; set NODE_COMPILE_CACHE to choose the folder.
nodeModule.enableCompileCache()

// A checkout runs its sources; the published package has only dist, because Node.js strips no types under node_modules.
var source = path.join(__dirname, '..', 'src', 'main.ts')
var main = fs.existsSync(source) ? source : path.join(__dirname, '..', 'dist', 'main.js')

// A string, because Node.js 8 and older refuse to parse `import()`, and they must get as far as the check above.
var load = new Function('url', 'return import(url)')

load(url.pathToFileURL(main).href).catch(function (error) {
  console.error(error)
  process.exit(1)
})
