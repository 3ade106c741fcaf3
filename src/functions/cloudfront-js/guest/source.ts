import { functionLimits } from '../limits.ts'
import { makeEncoding } from './encoding.ts'
import { makeGuest } from './program.ts'
import { makeQuerystring } from './querystring.ts'
import { restrictGlobals } from './restrict.ts'

/**
 * The text of a program that makes a guest: a function of the host's functions and the factory of the user's code. The
 * parts are written as functions of this project, so that they are checked like the rest, and travel as their text.
 */
export function guestSource(runtime: '1.0' | '2.0'): string {
  const limits = JSON.stringify({ steps: functionLimits.steps, logDataBytes: functionLimits.logDataBytes })
  return `(function (log, digest, keyValue, keyValueMeta, makeFactory) {
"use strict";
const makeEncoding = ${makeEncoding.toString()};
const makeQuerystring = ${makeQuerystring.toString()};
const restrictGlobals = ${restrictGlobals.toString()};
const makeGuest = ${makeGuest.toString()};
const encoding = makeEncoding();
const querystring = Object.freeze(makeQuerystring());
const restrict = restrictGlobals(globalThis, ${JSON.stringify(runtime)}, ${functionLimits.arrayLength});
return makeGuest(globalThis, { log, digest, keyValue, keyValueMeta }, encoding, querystring, restrict, ${JSON.stringify(runtime)}, ${limits}, makeFactory);
})`
}
