/** An HTTP server on loopback that answers as a test says, also badly: resets, half answers, silence. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ScriptedAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string | string[]>>
  /** Objects are sent as JSON. */
  readonly body?: string | Uint8Array | object
  /** `reset`: the connection breaks without an answer. `half`: it breaks after half of the body. */
  readonly fault?: 'reset' | 'half'
}

export interface RecordedRequest {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

export interface ScriptedServer {
  readonly url: string
  readonly requests: RecordedRequest[]
  /** Who answers from now on. */
  answer(next: (request: RecordedRequest, index: number) => ScriptedAnswer | Promise<ScriptedAnswer>): void
  close(): Promise<void>
}

export async function scriptedServer(
  first: Parameters<ScriptedServer['answer']>[0] = () => ({ status: 500, body: 'not scripted' }),
): Promise<ScriptedServer> {
  let answering = first
  const requests: RecordedRequest[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => undefined)
    request.on('end', () => void reply(request, response, Buffer.concat(chunks)))
  })
  async function reply(request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<void> {
    const recorded = { method: request.method ?? '', url: new URL(request.url ?? '', 'http://server'), headers: request.headers, body }
    requests.push(recorded)
    const answer = await answering(recorded, requests.length - 1)
    if (answer.fault === 'reset') return void request.socket.destroy()
    const json = typeof answer.body === 'object' && !(answer.body instanceof Uint8Array)
    const bytes = json ? Buffer.from(JSON.stringify(answer.body)) : Buffer.from((answer.body as string | Uint8Array | undefined) ?? '')
    response.writeHead(answer.status ?? 200, {
      ...(json ? { 'Content-Type': 'application/json' } : {}),
      'Content-Length': String(bytes.length),
      ...answer.headers,
    })
    if (answer.fault === 'half')
      return void response.write(bytes.subarray(0, bytes.length >> 1), () => setImmediate(() => request.socket.destroy()))
    response.end(bytes)
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answer: (next) => void (answering = next),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A URL where nothing listens. */
export async function deadUrl(): Promise<string> {
  const server = await scriptedServer()
  await server.close()
  return server.url
}

export function remoteExceptionBody(javaClassName: string, message: string): object {
  return { RemoteException: { exception: javaClassName.replace(/^.*[.$]/, ''), javaClassName, message } }
}
