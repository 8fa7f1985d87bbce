/** The REST API over HTTP. */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { errorText, MasterRefused, MasterUnreachable, type JsonTransport } from './master-client.js'

const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/** `headers` are sent with each request (`Cookie` of a proxy, say). */
export function httpTransport(baseUrl: string, timeoutMs: number, headers: Readonly<Record<string, string>> = {}): JsonTransport {
  return {
    request: (method, path) =>
      new Promise((resolve, reject) => {
        const url = new URL(path.replace(/^\//, ''), baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`)
        const unreachable = (reason: string) => reject(new MasterUnreachable({ url: url.href, reason }))
        const sent = (url.protocol === 'https:' ? httpsRequest : httpRequest)(
          url,
          { method, headers: { accept: 'application/json', ...headers } },
          (response) => {
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
              const status = response.statusCode ?? 0
              if (status >= 500 || status === 0) return unreachable(`HTTP ${status}: ${errorText(text)}`)
              if (status >= 300) return reject(new MasterRefused({ url: url.href, status, reason: errorText(text) }))
              try {
                resolve(JSON.parse(text))
              } catch {
                unreachable(`an answer that is no JSON: ${text.slice(0, 100)}`)
              }
            })
          },
        )
        sent.setTimeout(timeoutMs, () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)))
        sent.on('error', (error) => unreachable(error.message))
        sent.end()
      }),
  }
}
