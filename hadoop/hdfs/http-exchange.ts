/**
 * HTTP on node:http(s), as little as WebHDFS needs: no redirect is followed here, bodies have a size limit, silence has an end.
 * (axios would cost every master and worker 25 MB, and cannot stream with back-pressure without node:http underneath.)
 */
import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { HadoopAnswerUnreadable, HadoopUnreachable, networkReason, shownUrl } from '../rest/errors.js'
import type { TlsOptions } from '../rest/tls.js'

/** Silence on a connection that is waited for, ms. */
export const SILENCE_TIMEOUT_MS = 60_000
const MAX_SOCKETS_PER_HOST = 16

export interface ExchangeAgents {
  readonly http: HttpAgent
  readonly https: HttpsAgent
}

export function keepAliveAgents(tls: TlsOptions): ExchangeAgents {
  const options = { keepAlive: true, maxSockets: MAX_SOCKETS_PER_HOST, maxFreeSockets: 4, timeout: SILENCE_TIMEOUT_MS }
  return { http: new HttpAgent(options), https: new HttpsAgent({ ...options, ...tls }) }
}

export interface Exchange {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Or else a connection of its own. */
  readonly connection: ExchangeAgents | TlsOptions
}

/** Begins a request; the caller writes the body and ends it. */
export function beginRequest(exchange: Exchange): ClientRequest {
  const { protocol, hostname, port, pathname, search } = new URL(exchange.url)
  const https = protocol === 'https:'
  const { connection } = exchange
  const how = !('http' in connection) ? { agent: false, ...connection } : { agent: https ? connection.https : connection.http }
  return (https ? httpsRequest : httpRequest)({
    method: exchange.method,
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (https ? 443 : 80) : Number(port),
    path: pathname + search,
    headers: { 'User-Agent': 'weft', 'X-XSRF-HEADER': 'weft', ...exchange.headers },
    ...how,
  })
}

/** A request without a body; resolves with the answer's head. @throws HADOOP_UNREACHABLE */
export function exchange(call: Exchange): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = beginRequest(call)
    const fail = (error: unknown): void => reject(unreachable(call.url, error))
    request.setTimeout(SILENCE_TIMEOUT_MS, () => request.destroy(new Error(`nothing came for ${SILENCE_TIMEOUT_MS / 1000} s`)))
    request.on('error', fail)
    request.on('response', (response) => {
      // From here on, a break of the connection is an error of the body.
      request.off('error', fail)
      request.on('error', () => undefined)
      resolve(response)
    })
    request.end()
  })
}

/** The whole body as text. @throws HADOOP_ANSWER_UNREADABLE over the limit, HADOOP_UNREACHABLE when it breaks off */
export async function readBody(response: IncomingMessage, url: string, limit: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > limit) {
        response.destroy()
        throw new HadoopAnswerUnreadable({ url: shownUrl(url), reason: `it is larger than ${limit} bytes` })
      }
      chunks.push(chunk)
    }
  } catch (error) {
    if (HadoopAnswerUnreadable.is(error)) throw error
    throw unreachable(url, error)
  }
  return Buffer.concat(chunks).toString('utf8')
}

export function unreachable(url: string, error: unknown): InstanceType<typeof HadoopUnreachable> {
  return new HadoopUnreachable({ url: shownUrl(url).replace(/\/webhdfs\/.*$/, ''), reason: networkReason(error) }, { cause: error })
}

/** True when the request cannot have reached the server, so that sending it again does nothing twice. */
export function neverArrived(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  const code =
    (cause as NodeJS.ErrnoException | undefined)?.code ?? (cause as { errors?: NodeJS.ErrnoException[] } | undefined)?.errors?.[0]?.code
  return code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH'
}
