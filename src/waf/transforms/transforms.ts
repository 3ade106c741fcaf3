import { base64Decode, base64DecodeExt } from './base64.ts'
import { cmdLine, cmdLineUnix, cmdLineWin } from './cmd-line.ts'
import { removeCommentsChar, replaceComments } from './comments.ts'
import { compressWhiteSpace } from './compress-white-space.ts'
import { cssDecode } from './css-decode.ts'
import { md5, sha256 } from './digest.ts'
import { escapeSeqDecode } from './escape-seq-decode.ts'
import { hexDecode } from './hex-decode.ts'
import { htmlEntityDecode } from './html-entity-decode.ts'
import { jsDecode, jsDecodeExt } from './js-decode.ts'
import { lowercase, uppercase } from './lowercase.ts'
import { normalizePath, normalizePathWin } from './normalize-path.ts'
import { removeNulls, replaceNulls } from './nulls.ts'
import { removeWhiteSpace } from './remove-white-space.ts'
import { sqlHexDecode } from './sql-hex-decode.ts'
import { trim, trimLeft, trimRight } from './trim.ts'
import { urlDecodeUni } from './url-decode-uni.ts'
import { urlDecode } from './url-decode.ts'
import { utf8ToUnicode } from './utf8-to-unicode.ts'

/** Bytes in, bytes out, as latin1 text: one character is one byte. Gives the same string where nothing changes. */
export type Transform = (text: string) => string

/**
 * Every text transformation of AWS WAF by its name in the API (WAFV2 TextTransformation). They are ModSecurity's
 * functions and work on bytes.
 */
export const transforms = {
  NONE: (text) => text,
  BASE64_DECODE: base64Decode,
  BASE64_DECODE_EXT: base64DecodeExt,
  CMD_LINE: cmdLine,
  CMD_LINE_UNIX: cmdLineUnix,
  CMD_LINE_WIN: cmdLineWin,
  COMPRESS_WHITE_SPACE: compressWhiteSpace,
  CSS_DECODE: cssDecode,
  ESCAPE_SEQ_DECODE: escapeSeqDecode,
  HEX_DECODE: hexDecode,
  HTML_ENTITY_DECODE: htmlEntityDecode,
  JS_DECODE: jsDecode,
  JS_DECODE_EXT: jsDecodeExt,
  LOWERCASE: lowercase,
  MD5: md5,
  NORMALIZE_PATH: normalizePath,
  NORMALIZE_PATH_WIN: normalizePathWin,
  REMOVE_COMMENTS_CHAR: removeCommentsChar,
  REMOVE_NULLS: removeNulls,
  REMOVE_WHITESPACE: removeWhiteSpace,
  REPLACE_COMMENTS: replaceComments,
  REPLACE_NULLS: replaceNulls,
  SHA256: sha256,
  SQL_HEX_DECODE: sqlHexDecode,
  TRIM: trim,
  TRIM_LEFT: trimLeft,
  TRIM_RIGHT: trimRight,
  UPPERCASE: uppercase,
  URL_DECODE: urlDecode,
  URL_DECODE_UNI: urlDecodeUni,
  UTF8_TO_UNICODE: utf8ToUnicode,
} as const satisfies Readonly<Record<string, Transform>>

export type TransformName = keyof typeof transforms
