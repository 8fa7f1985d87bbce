/** The client of a JobManager in a thread of its process, at the other end of the thread's port. */
import type { MessagePort } from 'node:worker_threads'
import type { ClientToLocalMaster, LocalMasterToClient } from '#core/cluster/local-master-messages.js'
import type { MasterView } from './rest/master-view.js'

type Request = Extract<ClientToLocalMaster, { type: 'request' }>

export class ClientPort {
  readonly #port: MessagePort
  /** As it came: not checked yet. */
  readonly application: Promise<unknown>
  #answer: ((request: Request) => void) | undefined
  #waiting: Request[] = []

  constructor(port: MessagePort) {
    this.#port = port
    this.application = new Promise((resolve) => {
      port.on('message', (message: ClientToLocalMaster) => {
        if (message.type === 'application') resolve(message.application)
        else if (this.#answer === undefined) this.#waiting.push(message)
        else this.#answer(message)
      })
    })
  }

  /** From now on requests, also those that wait already, get their answers. */
  async serve(master: MasterView): Promise<void> {
    const { answerDirectly } = await import('./rest/direct.js')
    this.#answer = ({ id, method, path }) =>
      void answerDirectly(master, method, path).then((answer) => this.#send({ type: 'answer', id, ...answer }))
    for (const request of this.#waiting.splice(0)) this.#answer(request)
  }

  rest(port: number): void {
    this.#send({ type: 'rest', port })
  }

  /** The last word. */
  ended(exitCode: number): void {
    this.#send({ type: 'ended', exitCode })
    this.#port.close()
  }

  #send(message: LocalMasterToClient): void {
    this.#port.postMessage(message)
  }
}
