/** How a SQL client reaches its gateway: within this process, or by HTTP. */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Millis } from '#core/time/environment.js'
import { findRoute } from '../gateway/server.js'
import type { SessionManager } from '../gateway/session-manager.js'
import { EndpointInvalid, GatewayAnswered, GatewayUnreachable } from './errors.js'
import type { GatewayCall } from './gateway-client.js'

const MAX_ANSWER_BYTES = 256 * 1024 * 1024

/** The routes themselves, without a socket: failures come as they were thrown. */
export function callsWithin(sessions: SessionManager): GatewayCall {
  return async (method, path, body) => {
    const found = findRoute(method, path)
    const answer = await found.route.handle({ ...found, sessions, body: body === undefined ? '' : JSON.stringify(body) })
    return typeof answer === 'string' ? (JSON.parse(answer) as unknown) : answer
  }
}

/** `host:port`, or a URL. @throws SQL_CLIENT_ENDPOINT_INVALID */
export function endpointUrl(endpoint: string): URL {
  try {
    const url = new URL(/^https?:\/\//.test(endpoint) ? endpoint : `http://${endpoint}`)
    if (url.port === '' && !/^https?:\/\//.test(endpoint)) throw new Error('no port')
    if (!url.pathname.endsWith('/')) url.pathname += '/'
    return url
  } catch {
    throw new EndpointInvalid({ endpoint })
  }
}

export function callsTo(endpoint: URL, timeoutMs: Millis): GatewayCall {
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const url = new URL(path.replace(/^\//, ''), endpoint)
      const unreachable = (reason: string) => reject(new GatewayUnreachable({ endpoint: endpoint.host, reason }))
      const sent = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
      const headers = sent === undefined ? {} : { 'content-type': 'application/json', 'content-length': sent.length }
      const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, { method, headers }, (response) => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > MAX_ANSWER_BYTES) response.destroy(new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`))
          else chunks.push(chunk)
        })
        response.on('error', (error) => unreachable(error.message))
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          if ((response.statusCode ?? 0) !== 200) return reject(failureOf(text, response.statusCode ?? 0))
          try {
            resolve(JSON.parse(text))
          } catch {
            unreachable(`an answer that is no JSON: ${text.slice(0, 100)}`)
          }
        })
      })
      request.setTimeout(timeoutMs, () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)))
      request.on('error', (error) => unreachable(error.message))
      request.end(sent)
    })
}

/** Flink's clients tell the last cause. */
function failureOf(text: string, status: number): Error {
  let full = text.slice(0, 10_000)
  try {
    const { errors } = JSON.parse(text) as { errors?: unknown }
    if (Array.isArray(errors)) full = errors.map(String).join('\n')
  } catch {
    full = `HTTP ${status}: ${full}`
  }
  const cause = full
    .split('Caused by: ')
    .at(-1)
    ?.split(/\n(?:\tat |End of exception)/)[0]
  return new GatewayAnswered({ cause: (cause ?? full).trim(), full })
}
