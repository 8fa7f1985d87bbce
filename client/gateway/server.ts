/** The socket of the SQL Gateway: requests to routes, answers and failures in Flink's form. GET may have a body. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Configuration } from '#core/config/configuration.js'
import { ACCESS_CONTROL_ALLOW_ORIGIN, REST_MAX_CONTENT_LENGTH } from '#core/config/options/rest.js'
import { logger } from '#core/log/logger.js'
import { GatewayPortTaken, refused } from './errors.js'
import { ROUTES, VERSIONS, type GatewayRoute } from './routes.js'
import { failureBody } from './server-failure.js'
import type { SessionManager } from './session-manager.js'

const log = logger('SqlGateway')
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const REST_EXCEPTION = 'org.apache.flink.runtime.rest.handler.RestHandlerException'

export class GatewayServer {
  readonly port: number
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
  }

  /** Listens on the first free port of `ports`. @throws GATEWAY_CANNOT_LISTEN */
  static async listen(
    sessions: SessionManager,
    configuration: Configuration,
    host: string,
    ports: readonly number[],
  ): Promise<GatewayServer> {
    let last: unknown
    for (const port of ports) {
      const server = createServer((request, response) => void answer(sessions, configuration, request, response))
      try {
        await new Promise<void>((resolve, reject) => {
          server.once('error', reject)
          server.listen({ port, host }, resolve)
        })
        return new GatewayServer(server)
      } catch (error) {
        last = error
      }
    }
    const reason = last instanceof Error ? last.message : 'no port to listen on'
    throw new GatewayPortTaken({ ports: ports.join(', '), host, reason }, { cause: last })
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }
}

async function answer(
  sessions: SessionManager,
  configuration: Configuration,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let doing = 'Failed to handle the request.'
  const send = (status: number, body: string): void => {
    response.writeHead(status, {
      'content-type': 'application/json; charset=UTF-8',
      'access-control-allow-origin': configuration.get(ACCESS_CONTROL_ALLOW_ORIGIN),
    })
    response.end(body)
  }
  try {
    const body = await bodyOf(request, configuration.get(REST_MAX_CONTENT_LENGTH))
    const found = findRoute(request.method ?? '', request.url ?? '')
    doing = found.route.doing
    const answered = await found.route.handle({ ...found, sessions, body })
    send(200, typeof answered === 'string' ? answered : JSON.stringify(answered))
  } catch (error) {
    const { status, body } = failureBody(error, doing)
    if (status === 500) log.debug(`${request.method} ${request.url}: ${error instanceof Error ? error.message : String(error)}`)
    if (!response.headersSent) send(status, JSON.stringify(body))
  }
}

/** @throws GATEWAY_REFUSED (400) when it is too large */
async function bodyOf(request: IncomingMessage, limit: number): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > limit) throw refused(REST_EXCEPTION, `The request is larger than ${limit} bytes (rest.server.max-content-length).`, 400)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** What answers a request. @throws GATEWAY_REFUSED: 404 for a path that its version has not, 400 for an id that is none */
export function findRoute(method: string, target: string) {
  const url = new URL(target, 'http://gateway')
  const versioned = /^\/v([1-9])(?=\/)/.exec(url.pathname)
  const version = versioned === null ? 1 : Number(versioned[1])
  const notFound = () => refused(REST_EXCEPTION, `Not found: ${url.pathname}`, 404)
  if (version > VERSIONS.length) throw notFound()
  const parts = url.pathname.slice(versioned?.[0].length ?? 0).split('/')
  for (const route of ROUTES) {
    // Without a version in the path every endpoint is there.
    if (route.method !== method || (versioned !== null && route.since > version)) continue
    const path = match(route, parts)
    if (path === undefined) continue
    for (const [name, value] of Object.entries(path))
      if (name.endsWith('_handle') && !UUID.test(value))
        throw refused(
          REST_EXCEPTION,
          `Bad request, could not parse parameters: Cannot resolve path parameter (${name}) from value "${value}".`,
          400,
        )
    const effective = versioned === null ? Math.max(route.since, 2) : version
    return { route, path, query: url.searchParams, prefix: versioned?.[0] ?? '', version: effective }
  }
  throw notFound()
}

function match({ path }: GatewayRoute, parts: readonly string[]): Record<string, string> | undefined {
  const pattern = path.split('/')
  if (pattern.length !== parts.length) return undefined
  const values: Record<string, string> = {}
  for (const [i, part] of pattern.entries()) {
    const given = parts[i] as string
    if (part.startsWith(':')) values[part.slice(1)] = given
    else if (part !== given) return undefined
  }
  return values
}
