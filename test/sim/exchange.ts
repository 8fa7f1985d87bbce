/** The data plane between tasks, modelled: rows, barriers and ends in order over connections of the network, one for each channel. */
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { EdgeId, ExecutionAttemptId } from '#core/ids/ids.js'
import type { Channel } from '#core/rpc/channel.js'
import type { SimProcess } from './kernel.js'
import type { Network } from './network.js'

export type Element =
  | { readonly kind: 'rows'; readonly rows: readonly string[] }
  | { readonly kind: 'barrier'; readonly barrier: CheckpointBarrier }
  /** Suspended: the stream is cut here, it has not ended. */
  | { readonly kind: 'end'; readonly suspended: boolean }

interface Request {
  readonly producer: ExecutionAttemptId
  readonly edgeId: EdgeId
  readonly subpartition: number
}

/** How long a consumer waits for a producer that is not deployed yet. */
const PATIENCE_MS = 20_000

/** What one subtask has for one of its consumers. */
export class Subpartition {
  readonly #waiting: Element[] = []
  readonly #onDone: () => void
  readonly #onLost: (reason: string) => void
  #reader: Channel | undefined
  #done = false

  constructor(onDone: () => void, onLost: (reason: string) => void) {
    this.#onDone = onDone
    this.#onLost = onLost
  }

  get done(): boolean {
    return this.#done
  }

  push(element: Element): void {
    if (this.#reader === undefined) this.#waiting.push(element)
    else this.#reader.send(element)
  }

  read(reader: Channel): void {
    this.#reader = reader
    for (const element of this.#waiting.splice(0)) reader.send(element)
    // The consumer has seen the end.
    reader.onMessage(() => {
      this.#done = true
      this.#onDone()
    })
    reader.onClose((reason) => {
      if (!this.#done) this.#onLost(reason?.message ?? 'closed')
    })
  }

  close(): void {
    this.#reader?.close()
  }
}

/** The partitions of one worker's tasks. */
export class Exchange {
  readonly #process: SimProcess
  readonly #network: Network
  readonly #partitions = new Map<string, Subpartition>()
  readonly #waiting = new Map<string, (partition: Subpartition) => void>()

  constructor(process: SimProcess, network: Network) {
    this.#process = process
    this.#network = network
  }

  /** Where a slot's partitions are reached from now on. */
  listen(): number {
    const port = this.#network.freePort()
    this.#network.listen(this.#process, port, (channel) =>
      channel.onMessage((message) => {
        const key = keyOf(message as Request)
        const partition = this.#partitions.get(key)
        if (partition !== undefined) return partition.read(channel)
        this.#waiting.set(key, (late) => late.read(channel))
        this.#process.after(PATIENCE_MS, () => {
          if (this.#waiting.delete(key)) channel.close()
        })
      }),
    )
    return port
  }

  offer(request: Request, partition: Subpartition): void {
    const key = keyOf(request)
    this.#partitions.set(key, partition)
    const waiting = this.#waiting.get(key)
    this.#waiting.delete(key)
    waiting?.(partition)
  }

  withdraw(request: Request): void {
    this.#partitions.delete(keyOf(request))
  }

  /** Undefined: it cannot be reached. */
  async request(request: Request, host: string, port: number): Promise<Channel | undefined> {
    try {
      const channel = await this.#network.connect(this.#process, host, port)
      channel.send(request)
      return channel
    } catch {
      return undefined
    }
  }
}

function keyOf({ producer, edgeId, subpartition }: Request): string {
  return `${producer}/${edgeId}/${subpartition}`
}
