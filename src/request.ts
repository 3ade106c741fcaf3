import { andThen, type Awaitable, isPromise } from './base/promise.ts'
import { asFault, Fault } from './faults.ts'
import type { PlannedOrigin } from './plan.ts'
import type { FunctionResult, Line, Rooms, WafVerdict } from './rooms.ts'
import type { EdgeResponse, Outcome, Passage } from './visit.ts'

/**
 * The line of stages, told once, top to bottom. Stages return a value or a promise and the line does not wait for
 * what is not a promise, so that a cache hit without asynchronous functions runs in one go.
 */
export function createLine(rooms: Rooms): Line {
  function serve(passage: Passage): Awaitable<EdgeResponse> {
    // The one catch of the line: whatever escapes a stage becomes a generated 500.
    try {
      const served = begin(passage)
      return isPromise(served) ? served.catch((error: unknown) => fail(passage, error)) : served
    } catch (error) {
      return fail(passage, error)
    }
  }

  // match: the distribution by host, the behavior by path. Selected here, enforced only after the WAF.
  function begin(passage: Passage): Awaitable<EdgeResponse> {
    const unmatched = rooms.distribution.match(passage)
    if (unmatched !== undefined) {
      passage.visit.exit = 'match'
      return rooms.response.stamp(passage, rooms.response.errorPage(passage, unmatched))
    }
    // waf: the web ACL, then modules.
    return andThen(rooms.waf.inspect(passage), (verdict) => {
      const inspect = verdict.kind === 'pass' ? rooms.modules.hooksOf(passage.behavior)?.inspect : undefined
      return inspect === undefined
        ? judge(passage, verdict)
        : andThen(inspect(passage), (second) => judge(passage, second))
    })
  }

  function judge(passage: Passage, verdict: WafVerdict): Awaitable<EdgeResponse> {
    if (verdict.kind === 'refused') return refuse(passage, 'waf', verdict.fault)
    if (verdict.kind === 'answered') return answer(passage, 'waf', verdict.response)
    return pass(passage)
  }

  // A path of a module is answered whatever the behavior there allows.
  function pass(passage: Passage): Awaitable<EdgeResponse> {
    const route = rooms.modules.routeOf(passage)
    if (route === undefined || !route.methods.includes(passage.request.method)) return admit(passage)
    return andThen(route.handle(passage), (response) => answer(passage, 'behavior', response))
  }

  // behavior: protocol, method, geography, signatures, redirects. A refusal may still become a custom error page.
  function admit(passage: Passage): Awaitable<EdgeResponse> {
    return andThen(rooms.distribution.enforce(passage), (enforced) => {
      if (enforced.kind === 'refused') return refuse(passage, 'behavior', enforced.fault)
      if (enforced.kind === 'answered') return answer(passage, 'behavior', enforced.response)
      return callViewerRequest(passage)
    })
  }

  // viewer-request: a reply made here is not cached and skips viewer-response.
  function callViewerRequest(passage: Passage): Awaitable<EdgeResponse> {
    return andThen(rooms.functions.viewerRequest(passage), (result) => {
      const hook =
        result.kind === 'continue' ? rooms.modules.hooksOf(passage.behavior)?.viewerRequest : undefined
      return hook === undefined
        ? proceed(passage, result)
        : andThen(hook(passage), (second) => proceed(passage, second))
    })
  }

  function proceed(passage: Passage, result: FunctionResult): Awaitable<EdgeResponse> {
    if (result.kind === 'failed') return refuse(passage, 'viewer-request', result.fault)
    if (result.kind === 'answered') return answer(passage, 'viewer-request', result.response)
    return andThen(obtain(passage), (response) => deliver(passage, response))
  }

  // lookup: from here to `store` no viewer is needed.
  function obtain(passage: Passage): Awaitable<EdgeResponse> {
    const cacheKey = rooms.modules.hooksOf(passage.behavior)?.cacheKey
    if (cacheKey !== undefined) passage.moduleKey = cacheKey(passage)
    return andThen(rooms.cache.lookup(passage), (found) => {
      const { visit } = passage
      visit.cache = found.facts
      switch (found.kind) {
        case 'hit':
          visit.exit = 'lookup'
          if (found.refresh !== undefined) refresh(found.refresh)
          return settleResponse(passage, found.response)
        case 'fault':
          visit.exit = 'lookup'
          return settleFault(passage, found.fault)
        case 'miss':
        case 'bypass':
          return andThen(fetch(found.passage), (result) =>
            result instanceof Fault ? settleFault(passage, result) : settleResponse(passage, result),
          )
      }
    })
  }

  // store: compressed once, kept if the rules allow it, while the bytes flow on. An error is kept as it came; what it
  // becomes for a viewer is settled each time.
  function fetch(passage: Passage): Awaitable<EdgeResponse | Fault> {
    let answered: Awaitable<EdgeResponse | Fault>
    try {
      answered = askOrigins(passage, 0)
    } catch (error) {
      // Others may wait for this answer: they are told of the failure instead of being left alone.
      return rooms.cache.receive(passage, asFault(error))
    }
    if (isPromise(answered))
      return answered.then(
        (result) => receive(passage, result),
        (error: unknown) => receive(passage, asFault(error)),
      )
    return receive(passage, answered)
  }

  function receive(passage: Passage, result: EdgeResponse | Fault): Awaitable<EdgeResponse | Fault> {
    return rooms.cache.receive(
      passage,
      result instanceof Fault ? result : rooms.response.encode(passage, result),
    )
  }

  // The stale response is on its way already; nobody waits for this one.
  function refresh(passage: Passage): void {
    void Promise.resolve(fetch(passage)).then((result) => {
      if (!(result instanceof Fault)) result.body.discard()
    }, ignoreFailure)
  }

  // [origin-request > send > origin-response], per origin tried.
  function askOrigins(passage: Passage, index: number): Awaitable<EdgeResponse | Fault> {
    const { origins } = passage.route ?? passage.behavior
    const origin = origins[index]!
    // Unless a function at one of its events decides otherwise.
    passage.visit.exit = 'send'
    return andThen(askOrigin(passage, origin), (result) => {
      const isLast = index + 1 === origins.length
      if (!isLast && rooms.origin.failsOver(passage, result)) {
        if (!(result instanceof Fault)) result.body.discard()
        return askOrigins(passage, index + 1)
      }
      return result
    })
  }

  function askOrigin(passage: Passage, origin: PlannedOrigin): Awaitable<EdgeResponse | Fault> {
    // The origin's name is resolved before the function runs, as CloudFront does.
    return andThen(rooms.origin.resolve(passage, origin), (unresolved) => {
      if (unresolved !== undefined) return unresolved
      const prepared = rooms.cache.condition(passage, rooms.origin.prepare(passage, origin))
      return andThen(rooms.functions.originRequest(passage, prepared), (result) => {
        if (result.kind === 'failed') return result.fault
        // A reply made by origin-request is stored but skips origin-response.
        if (result.kind === 'answered') return result.response
        const send = rooms.modules.hooksOf(passage.behavior)?.send
        const sent =
          send === undefined
            ? rooms.origin.send(passage, result.request)
            : send(passage, result.request, rooms.origin.send)
        return andThen(sent, (response) => {
          if (response instanceof Fault) return response
          return rooms.functions.originResponse(passage, result.request, response)
        })
      })
    })
  }

  // settle: as is, or a custom error page, fetched through `obtain` in its turn.
  function settleFault(passage: Passage, fault: Fault): Awaitable<EdgeResponse> {
    return settle(passage, rooms.response.errorPage(passage, fault), fault)
  }

  function settleResponse(passage: Passage, response: EdgeResponse): Awaitable<EdgeResponse> {
    return settle(passage, response, undefined)
  }

  function settle(
    passage: Passage,
    response: EdgeResponse,
    fault: Fault | undefined,
  ): Awaitable<EdgeResponse> {
    if (response.status >= 400) passage.skipsViewerResponse = true
    // The pages of errors have none of their own, and most responses need no look at all.
    if (passage.isInternal || response.status < 400) return response
    const settlement = rooms.response.settle(passage, response, fault)
    if (settlement.kind === 'as-is') return settlement.response
    response.body.discard()
    passage.visit.errorPageFor = settlement.forStatus
    const errand = rooms.within(passage, settlement.path)
    rooms.distribution.select(errand, settlement.path)
    passage.onDepart(() => errand.depart())
    return andThen(obtain(errand), (page) => {
      // If the page itself fails, the viewer receives the status of that failed fetch (fact sheet 10.2).
      if (page.status < 400) page.status = settlement.status
      return page
    })
  }

  // shape > inspect-response > viewer-response > stamp.
  function deliver(passage: Passage, response: EdgeResponse): Awaitable<EdgeResponse> {
    const shaped = rooms.response.shape(passage, response)
    if (passage.visit.cache?.isTold === true) rooms.cache.tell(passage, shaped)
    const shape = rooms.modules.hooksOf(passage.behavior)?.shape
    return shape === undefined
      ? inspectResponse(passage, shaped)
      : andThen(shape(passage, shaped), (reshaped) => {
          // A module may have changed it: it is not what is stored any more.
          reshaped.stored = undefined
          return inspectResponse(passage, reshaped)
        })
  }

  function inspectResponse(passage: Passage, shaped: EdgeResponse): Awaitable<EdgeResponse> {
    return andThen(rooms.waf.inspectResponse(passage, shaped), (inspected) => {
      if (passage.skipsViewerResponse) return rooms.response.stamp(passage, inspected)
      return andThen(rooms.functions.viewerResponse(passage, inspected), (result) => {
        if (!(result instanceof Fault)) return rooms.response.stamp(passage, result)
        inspected.body.discard()
        passage.visit.exit = 'viewer-response'
        return rooms.response.stamp(passage, rooms.response.errorPage(passage, result))
      })
    })
  }

  // A refusal goes through settle, because custom error pages apply to it too, and skips both viewer functions.
  function refuse(
    passage: Passage,
    exit: 'waf' | 'behavior' | 'viewer-request',
    fault: Fault,
  ): Awaitable<EdgeResponse> {
    passage.visit.exit = exit
    passage.request.body.discard()
    passage.skipsViewerResponse = true
    return andThen(settleFault(passage, fault), (response) => deliver(passage, response))
  }

  // An answer made on the way (redirect, challenge, function) leaves the line here: only its headers are stamped.
  function answer(
    passage: Passage,
    exit: 'waf' | 'behavior' | 'viewer-request',
    response: EdgeResponse,
  ): EdgeResponse {
    passage.visit.exit = exit
    passage.request.body.discard()
    return rooms.response.stamp(passage, rooms.response.shape(passage, response))
  }

  function fail(passage: Passage, error: unknown): EdgeResponse {
    return rooms.response.stamp(passage, rooms.response.errorPage(passage, asFault(error)))
  }

  // accept: what is not HTTP meets no distribution, so it has neither behavior nor custom pages.
  function turnAway(passage: Passage, fault: Fault): EdgeResponse {
    passage.visit.exit = 'accept'
    return rooms.response.stamp(passage, rooms.response.errorPage(passage, fault))
  }

  function finish(passage: Passage, outcome: Outcome): void {
    rooms.log.finish(passage, outcome)
    // Without a distribution there is no behavior.
    if (passage.visit.distribution !== undefined) rooms.modules.hooksOf(passage.behavior)?.finish?.(passage)
  }

  return { serve, obtain, turnAway, finish }
}

/** A refresh that failed has been noted by the cache, and the stale response stays. */
function ignoreFailure(): void {}
