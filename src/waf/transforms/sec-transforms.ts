import { base64Decode, base64DecodeExt, base64Encode } from './base64.ts'
import { cmdLine } from './cmd-line.ts'
import { removeComments, removeCommentsChar, replaceComments } from './comments.ts'
import { compressWhiteSpace } from './compress-white-space.ts'
import { cssDecode } from './css-decode.ts'
import { md5, sha1 } from './digest.ts'
import { escapeSeqDecode } from './escape-seq-decode.ts'
import { hexDecode, hexEncode } from './hex-decode.ts'
import { htmlEntityDecode } from './html-entity-decode.ts'
import { jsDecode } from './js-decode.ts'
import { lowercase, uppercase } from './lowercase.ts'
import { normalizePath, normalizePathWin } from './normalize-path.ts'
import { removeNulls, replaceNulls } from './nulls.ts'
import { parityEven7bit, parityOdd7bit, parityZero7bit } from './parity.ts'
import { phpArgsNames } from './php-args-names.ts'
import { removeWhiteSpace } from './remove-white-space.ts'
import { sqlHexDecode } from './sql-hex-decode.ts'
import type { Transform } from './transforms.ts'
import { trim, trimLeft, trimRight } from './trim.ts'
import { urlDecodeUni } from './url-decode-uni.ts'
import { urlDecode } from './url-decode.ts'
import { urlEncode } from './url-encode.ts'
import { utf8ToUnicode } from './utf8-to-unicode.ts'

/** The same library under SecLang's names (`t:name`), in lower case, because SecLang does not mind the case. */
export const secTransforms: ReadonlyMap<string, Transform> = new Map<string, Transform>(
  Object.entries({
    none: (text: string) => text,
    base64decode: base64Decode,
    base64decodeext: base64DecodeExt,
    base64encode: base64Encode,
    cmdline: cmdLine,
    cmd_line: cmdLine,
    compresswhitespace: compressWhiteSpace,
    cssdecode: cssDecode,
    escapeseqdecode: escapeSeqDecode,
    hexdecode: hexDecode,
    hexencode: hexEncode,
    htmlentitydecode: htmlEntityDecode,
    jsdecode: jsDecode,
    length: (text: string) => String(text.length),
    lowercase,
    md5,
    normalisepath: normalizePath,
    normalisepathwin: normalizePathWin,
    normalizepath: normalizePath,
    normalizepathwin: normalizePathWin,
    parityeven7bit: parityEven7bit,
    parityodd7bit: parityOdd7bit,
    parityzero7bit: parityZero7bit,
    phpargsnames: phpArgsNames,
    removecomments: removeComments,
    removecommentschar: removeCommentsChar,
    removenulls: removeNulls,
    removewhitespace: removeWhiteSpace,
    replacecomments: replaceComments,
    replacenulls: replaceNulls,
    sha1,
    sqlhexdecode: sqlHexDecode,
    trim,
    trimleft: trimLeft,
    trimright: trimRight,
    uppercase,
    urldecode: urlDecode,
    urldecodeuni: urlDecodeUni,
    urlencode: urlEncode,
    utf8tounicode: utf8ToUnicode,
  }),
)
