/** The endpoints without HTTP: the same table, statuses and bodies, for a client in this process (am/client-port.ts). */
import { failureOf, notServed } from './failure-body.js'
import type { MasterView } from './master-view.js'
import type { Route } from './route.js'
import { ROUTES } from './routes.js'

export interface DirectAnswer {
  readonly status: number
  readonly json: string
}

/** `target`: path with query, as in a request line. Never rejects. */
export async function answerDirectly(master: MasterView, method: Route['method'], target: string): Promise<DirectAnswer> {
  try {
    const { pathname, searchParams } = new URL(target, 'http://master/')
    const found = findRoute(method, pathname.split('/').slice(1).map(decodeURIComponent))
    if (found === undefined) return asText(notServed(method, pathname))
    const body = await found.route.handle(master, { path: found.parameters, query: Object.fromEntries(searchParams), body: '' })
    return asText({ status: found.route.status ?? 200, body })
  } catch (error) {
    return asText(failureOf(error, `${method} ${target}`))
  }
}

function asText({ status, body }: { readonly status: number; readonly body: unknown }): DirectAnswer {
  return { status, json: JSON.stringify(body) }
}

/** Of several that fit, the one with the fewest parameters: `/jobs/overview` is no job. */
function findRoute(method: Route['method'], segments: readonly string[]) {
  let best: { readonly route: Route; readonly parameters: Record<string, string> } | undefined
  for (const route of ROUTES) {
    if (route.method !== method) continue
    const parameters = match(route.path.split('/').slice(1), segments)
    if (parameters === undefined) continue
    if (best === undefined || Object.keys(parameters).length < Object.keys(best.parameters).length) best = { route, parameters }
  }
  return best
}

function match(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined
  const parameters: Record<string, string> = {}
  for (const [i, part] of pattern.entries()) {
    const segment = segments[i] as string
    if (part.startsWith(':')) parameters[part.slice(1)] = segment
    else if (part !== segment) return undefined
  }
  return parameters
}
