/** One HTTP exchange with a small text body each way, on axios: no redirect is followed, sizes and times are limited. */
import { Agent } from 'node:https'
import axios from 'axios'
import { HadoopAnswerUnreadable, HadoopUnreachable, networkReason, shownUrl } from './errors.js'
import type { TlsOptions } from './tls.js'

export interface RestRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** JSON text. */
  readonly body?: string
}

export interface RestResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body: string
}

export function cookiesOf(response: RestResponse): readonly string[] {
  const cookies = response.headers['set-cookie']
  return cookies === undefined ? [] : typeof cookies === 'string' ? [cookies] : cookies
}

/** @throws HADOOP_UNREACHABLE, HADOOP_ANSWER_UNREADABLE (too large) */
export type RestTransport = (request: RestRequest) => Promise<RestResponse>

const MAX_ANSWER_BYTES = 64 * 1024 * 1024

export function axiosTransport(timeoutMs = 30_000, tls: TlsOptions = {}): RestTransport {
  const client = axios.create({
    maxRedirects: 0,
    validateStatus: () => true,
    responseType: 'text',
    transformResponse: (body: unknown) => body,
    transformRequest: (body: unknown) => body,
    maxContentLength: MAX_ANSWER_BYTES,
    timeout: timeoutMs,
    // Proxies of the environment are for the outside; Hadoop's own clients ignore them too.
    proxy: false,
    httpsAgent: new Agent(tls),
  })
  return async (request) => {
    try {
      const response = await client.request<string>({
        method: request.method,
        url: request.url,
        headers: { 'User-Agent': 'weft', ...request.headers },
        ...(request.body === undefined ? {} : { data: request.body }),
      })
      const headers: Record<string, string | readonly string[]> = {}
      for (const [name, value] of Object.entries(response.headers)) {
        if (typeof value === 'string' || Array.isArray(value)) headers[name.toLowerCase()] = value as string | string[]
      }
      return { status: response.status, headers, body: typeof response.data === 'string' ? response.data : '' }
    } catch (error) {
      const url = shownUrl(request.url)
      // axios names no code for an answer over the limit, only this text.
      if (error instanceof Error && error.message.startsWith('maxContentLength')) {
        throw new HadoopAnswerUnreadable({ url, reason: `it is larger than ${MAX_ANSWER_BYTES} bytes` })
      }
      // The axios error holds the request with its headers: only the network's own error is kept.
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
      const { code, message } = error as NodeJS.ErrnoException
      throw new HadoopUnreachable(
        { url: new URL(request.url).origin, reason: networkReason(error) },
        { cause: cause === error ? Object.assign(new Error(message), { code }) : cause },
      )
    }
  }
}
