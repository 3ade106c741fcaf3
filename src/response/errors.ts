import type { Fault, FaultCode, FaultRow } from '../faults.ts'
import { Body } from '../http/body.ts'
import { HeaderList } from '../http/header-list.ts'
import type { Identity } from '../plan.ts'
import type { Settlement } from '../rooms.ts'
import type { EdgeResponse, Passage } from '../visit.ts'

/** Errors for which CloudFront takes custom pages (DG:GeneratingCustomErrorResponses); 412 and 415 are not among them. */
const PAGE_STATUSES: ReadonlySet<number> = new Set([400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504])

/** What CloudFront says where clients are known to look at the words, instead of the sentence of the fault table. */
const CLOUDFRONT_SENTENCES: Partial<Record<FaultCode, string>> = {
  ClientGeoBlocked: 'The Amazon CloudFront distribution is configured to block access from your country.',
  OriginDnsError: "CloudFront wasn't able to resolve the origin domain name.",
  OriginConnectError: "CloudFront wasn't able to connect to the origin.",
  OriginTlsError: "CloudFront wasn't able to connect to the origin.",
  LambdaExecutionError:
    "The Lambda function associated with the CloudFront distribution is invalid or doesn't have the required permissions.",
  FunctionExecutionError:
    'The CloudFront function associated with the CloudFront distribution is invalid or could not run.',
}

/** Faults of which CloudFront tells viewers which rule was broken (fact sheet 10.3). */
const TELLS_VIEWERS: ReadonlySet<FaultCode> = new Set(['LambdaValidationError', 'FunctionValidationError'])

/** A fault that is told in XML instead of the page: refused signatures of URLs and cookies (fact sheet 10.4). */
export interface XmlFault {
  /** The `Code` and `Message` elements. */
  readonly xml: { readonly code: string; readonly message: string }
}

/** The page of one fault under one identity, cut where the request id goes. */
interface Page {
  readonly before: string
  readonly after: string
}

/**
 * Answers for faults: the page CloudFront generates (DG:GeneratingCustomErrorResponses), or the XML of a refused
 * signature. Notes in the visit what went wrong.
 */
export function createErrorPage(httpDate: () => string): (passage: Passage, fault: Fault) => EdgeResponse {
  const pages = new WeakMap<Identity, Map<FaultCode, Page>>()

  function pageOf(identity: Identity, fault: Fault): Page {
    // What is told of one fault is not what is told of the next.
    if (TELLS_VIEWERS.has(fault.code)) return writePage(identity, fault)
    let known = pages.get(identity)
    if (known === undefined) pages.set(identity, (known = new Map<FaultCode, Page>()))
    let page = known.get(fault.code)
    if (page === undefined) known.set(fault.code, (page = writePage(identity, fault)))
    return page
  }

  return (passage, fault) => {
    const { visit, plan, request } = passage
    const { row } = fault
    visit.fault = fault.code
    visit.cause = causeOf(fault)
    visit.resultType = row.xCache
    visit.detailedResultType = row.detail
    const isXml = isXmlFault(fault)
    const { before, after } = isXml ? writeXml(fault) : pageOf(plan.identity, fault)
    const text = isXml ? before + after : before + visit.request.id + after
    const bytes = Buffer.from(text)
    const headers = new HeaderList(['Server', plan.identity.server, 'Date', httpDate()])
    headers.append('Content-Type', isXml ? 'text/xml' : 'text/html')
    headers.append('Content-Length', String(bytes.length))
    // HEAD is told the length of what GET would give (RFC 9110 section 9.3.2).
    const body = request.method === 'HEAD' ? Body.none() : Body.bytes(bytes)
    return { status: statusOf(row), headers, body }
  }
}

/**
 * What an error becomes: a custom page where the distribution has one for this status and the fault, if it was one,
 * allows it; as it is otherwise (DG:GeneratingCustomErrorResponses).
 */
export function settleResponse(
  passage: Passage,
  response: EdgeResponse,
  fault: Fault | undefined,
): Settlement {
  const { status } = response
  if (status < 400 || !PAGE_STATUSES.has(status)) return { kind: 'as-is', response }
  if (fault !== undefined && !fault.row.customPage) return { kind: 'as-is', response }
  const rule = passage.distribution.customErrorResponses.get(status)
  if (rule?.pagePath === undefined) return { kind: 'as-is', response }
  return { kind: 'page', path: rule.pagePath, status: rule.responseStatus, forStatus: status }
}

function isXmlFault(fault: Fault): fault is Fault & XmlFault {
  return 'xml' in fault
}

/** Faults of status 0 have nobody to answer; where one is answered all the same, it needs a status that can be sent. */
function statusOf(row: FaultRow): number {
  return row.status === 0 ? 502 : row.status
}

/** For operators: what was found, and what lay under it. */
function causeOf(fault: Fault): string {
  const { cause, message } = fault
  if (!(cause instanceof Error) || cause.message === '' || message.includes(cause.message)) return message
  return `${message}: ${cause.message}`
}

function writeXml({ xml }: XmlFault): Page {
  const inner = `<Code>${escapeXml(xml.code)}</Code><Message>${escapeXml(xml.message)}</Message>`
  return { before: `<?xml version="1.0" encoding="UTF-8"?><Error>${inner}</Error>`, after: '' }
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** Monitors look for the title, the H2 and the line `Generated by`; the advice is our own. */
function writePage(identity: Identity, fault: Fault): Page {
  const { status, sentence } = fault.row
  const said = TELLS_VIEWERS.has(fault.code)
    ? escapeHtml(fault.message)
    : identity.name === 'cloudfront'
      ? (CLOUDFRONT_SENTENCES[fault.code] ?? sentence)
      : sentence
  const before = `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" "http://www.w3.org/TR/html4/loose.dtd">
<HTML><HEAD><META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=iso-8859-1">
<TITLE>ERROR: The request could not be satisfied</TITLE>
</HEAD><BODY>
<H1>${status === 0 ? 502 : status} ERROR</H1>
<H2>The request could not be satisfied.</H2>
<HR noshade size="1px">
${said}
<BR clear="all">
<P>This request was stopped before it could be answered. Trying again in a while may help; if it does not, please tell the owner of this website what you see here.</P>
<P>If this website is yours: the request ID below finds this request in the logs, together with the reason.</P>
<HR noshade size="1px">
<PRE>
Generated by ${identity.name} (${identity.server})
Request ID: `
  return { before, after: '\n</PRE>\n<ADDRESS>\n</ADDRESS>\n</BODY></HTML>' }
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
