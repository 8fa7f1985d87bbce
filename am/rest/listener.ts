/**
 * The REST endpoint's socket. It is bound before anything else is started, since YARN and the client are told its port; what answers
 * (the routes of server.ts) may be loaded later, and requests wait for it.
 */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { defineError } from '#core/errors/define-error.js'

export const RestPortTaken = defineError('REST_CANNOT_LISTEN', {
  recovery: 'none',
  message: (d: { ports: string; host: string; reason: string }) =>
    `The REST endpoint cannot listen on ${d.host}, port ${d.ports} (rest.bind-port): ${d.reason}`,
})

export class RestListener {
  readonly port: number
  readonly #server: Server
  #serve!: (answer: RequestListener) => void

  private constructor(server: Server, port: number) {
    this.#server = server
    this.port = port
    const answering = new Promise<RequestListener>((resolve) => (this.#serve = resolve))
    server.on('request', (request, response) => void answering.then((answer) => answer(request, response)))
  }

  /** Listens on the first free port of `ports`; `host` undefined: on every interface. @throws REST_CANNOT_LISTEN */
  static async listen(host: string | undefined, ports: readonly number[]): Promise<RestListener> {
    let last: unknown
    for (const port of ports) {
      const server = createServer()
      try {
        await bind(server, port, host ?? '::')
        return new RestListener(server, (server.address() as AddressInfo).port)
      } catch (error) {
        last = error
        const { code } = error as NodeJS.ErrnoException
        // A machine without IPv6.
        if (host === undefined && (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL')) return RestListener.listen('0.0.0.0', ports)
      }
    }
    const reason = last instanceof Error ? last.message : 'no port to listen on'
    throw new RestPortTaken({ ports: ports.join(', '), host: host ?? 'all interfaces', reason }, { cause: last })
  }

  /** From now on requests, also those that wait already, get their answers here. */
  serve(answer: RequestListener): void {
    this.#serve(answer)
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }
}

function bind(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
