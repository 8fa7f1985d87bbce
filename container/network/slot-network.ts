/**
 * A slot's connections to other slots: one per pair, opened by whichever needs it first, used by both. Inside a process a
 * connection is a MessageChannel that the TaskExecutor hands on to the other slot; between processes it is a TLS socket.
 */
import type { AddressInfo } from 'node:net'
import type { Server, TLSSocket } from 'node:tls'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { SlotLocation } from '#core/graph/deployment.js'
import type { ResourceId } from '#core/ids/ids.js'
import { logger } from '#core/log/logger.js'
import { sleep, type Environment } from '#core/time/environment.js'
import { DataConnection } from './data-connection.js'
import { DataConnectFailed } from './errors.js'
import { decodeJson, encodeJson, FrameType, HelloSchema, PROTOCOL_VERSION, type Hello } from './frame.js'
import type { ProducerAccess } from './input-gate.js'
import type { PartitionRegistry } from './partition-registry.js'
import { portTransport, socketTransport, type FrameTransport, type SocketTransport } from './transport.js'

const log = logger('SlotNetwork')

const HANDSHAKE_TIMEOUT_MS = 10_000
/** A slot whose thread is being replaced listens again shortly. */
const CONNECT_ATTEMPTS = 5
const CONNECT_RETRY_MS = 500

export interface SlotNetworkOptions {
  readonly resourceId: ResourceId
  readonly slotIndex: number
  readonly environment: Environment
  readonly registry: PartitionRegistry
  /** The application's; undefined: nothing listens and nothing connects outside the process. */
  readonly secret: Buffer | undefined
  /** Hands one end of a MessageChannel to another slot of this process. */
  handOver(slotIndex: number, port: MessagePort): void
}

export class SlotNetwork implements ProducerAccess {
  readonly registry: PartitionRegistry
  readonly #options: SlotNetworkOptions
  /** By slot: what requests of this side go over. */
  readonly #connections = new Map<string, Promise<DataConnection>>()
  /** All of them: two slots that connect to each other at the same moment have two. */
  readonly #open = new Set<DataConnection>()
  readonly #unnamed = new Set<TLSSocket>()
  #server: Server | undefined
  #closed = false

  constructor(options: SlotNetworkOptions) {
    this.registry = options.registry
    this.#options = options
  }

  isHere(location: SlotLocation): boolean {
    return location.resourceId === this.#options.resourceId && location.slotIndex === this.#options.slotIndex
  }

  /** @throws NETWORK_CONNECT_FAILED */
  connectionTo(location: SlotLocation): Promise<DataConnection> {
    const key = keyOf(location)
    const known = this.#connections.get(key)
    if (known !== undefined) return known
    const opening =
      location.resourceId === this.#options.resourceId ? Promise.resolve(this.#openInside(location.slotIndex)) : this.#openOutside(location)
    this.#connections.set(key, opening)
    opening.catch(() => {
      if (this.#connections.get(key) === opening) this.#connections.delete(key)
    })
    return opening
  }

  /** Another slot of this process opened a connection to this one. */
  acceptPort(slotIndex: number, port: MessagePort): void {
    const key = keyOf({ resourceId: this.#options.resourceId, slotIndex })
    this.#offer(key, this.#connection(portTransport(port, `slot ${slotIndex} of this TaskManager`), key))
  }

  /** Listens on the first free port of `ports`; returns it. */
  async listen(host: string | undefined, ports: readonly number[]): Promise<number> {
    const { secret } = this.#options
    if (secret === undefined) return 0
    const { listenForSlots } = await import('./data-sockets.js')
    const server = await listenForSlots(host, ports, secret, (socket) => this.#accept(socket))
    server.on('error', (error) => log.warn('The data port', error))
    this.#server = server
    return (server.address() as AddressInfo).port
  }

  close(): void {
    this.#closed = true
    this.#server?.close()
    for (const socket of this.#unnamed) socket.destroy()
    for (const connection of this.#open) connection.close()
    this.#open.clear()
    this.#connections.clear()
  }

  #openInside(slotIndex: number): DataConnection {
    const { port1, port2 } = new MessageChannel()
    this.#options.handOver(slotIndex, port2)
    const key = keyOf({ resourceId: this.#options.resourceId, slotIndex })
    return this.#connection(portTransport(port1, `slot ${slotIndex} of this TaskManager`), key)
  }

  async #openOutside(location: SlotLocation): Promise<DataConnection> {
    const peer = `${location.host}:${location.dataPort} (TaskManager ${location.resourceId}, slot ${location.slotIndex})`
    const { secret, environment } = this.#options
    if (secret === undefined || location.dataPort === 0)
      throw new DataConnectFailed({ peer, reason: 'one side does not listen outside its process' })
    const { openSocket } = await import('./data-sockets.js')
    for (let attempt = 1; ; attempt++) {
      try {
        const socket = await openSocket(location.host, location.dataPort, secret, HANDSHAKE_TIMEOUT_MS)
        const transport = socketTransport(socket, peer)
        transport.send(FrameType.HELLO, 0, PROTOCOL_VERSION, encodeJson(this.#hello()))
        const hello = await this.#readHello(transport)
        if (hello.resourceId !== location.resourceId || hello.slotIndex !== location.slotIndex) {
          transport.close()
          throw new Error(`slot ${hello.slotIndex} of TaskManager ${hello.resourceId} answers there`)
        }
        return this.#connection(transport, keyOf(location))
      } catch (error) {
        if (attempt >= CONNECT_ATTEMPTS || this.#closed) {
          throw new DataConnectFailed({ peer, reason: error instanceof Error ? error.message : String(error) }, { cause: error })
        }
        await sleep(environment, CONNECT_RETRY_MS)
      }
    }
  }

  #accept(socket: TLSSocket): void {
    const address = `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`
    const transport = socketTransport(socket, address)
    this.#unnamed.add(socket)
    socket.once('close', () => this.#unnamed.delete(socket))
    this.#readHello(transport).then(
      (hello) => {
        this.#unnamed.delete(socket)
        transport.peer = `${address} (TaskManager ${hello.resourceId}, slot ${hello.slotIndex})`
        transport.send(FrameType.HELLO, 0, PROTOCOL_VERSION, encodeJson(this.#hello()))
        this.#offer(keyOf(hello), this.#connection(transport, keyOf(hello)))
      },
      () => socket.destroy(),
    )
  }

  async #readHello(transport: SocketTransport): Promise<Hello> {
    const timer = this.#options.environment.timers.after(HANDSHAKE_TIMEOUT_MS, () => transport.close())
    try {
      const frame = await transport.first()
      if (frame.type !== FrameType.HELLO) throw new Error('the first frame is no HELLO')
      if (frame.argument !== PROTOCOL_VERSION)
        throw new Error(`version ${frame.argument} of the data protocol, here it is ${PROTOCOL_VERSION}`)
      return decodeJson(frame.payload, HelloSchema, transport.peer)
    } finally {
      timer.cancel()
    }
  }

  #hello(): Hello {
    return { resourceId: this.#options.resourceId, slotIndex: this.#options.slotIndex }
  }

  #connection(transport: FrameTransport, key: string): DataConnection {
    const connection: DataConnection = new DataConnection(transport, this.registry, () => {
      this.#open.delete(connection)
      void this.#connections.get(key)?.then(
        (current) => {
          if (current === connection) this.#connections.delete(key)
        },
        () => undefined,
      )
    })
    this.#open.add(connection)
    if (this.#closed) connection.close()
    return connection
  }

  /** A connection that the other slot opened serves this side's requests too, unless it has one. */
  #offer(key: string, connection: DataConnection): void {
    if (!this.#connections.has(key)) this.#connections.set(key, Promise.resolve(connection))
  }
}

function keyOf(slot: { readonly resourceId: string; readonly slotIndex: number }): string {
  return `${slot.resourceId}/${slot.slotIndex}`
}
