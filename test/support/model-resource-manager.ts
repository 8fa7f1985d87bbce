/**
 * YARN's ResourceManager as the capacity scheduler behaves towards one application: an absolute table of asks, containers allocated between
 * heartbeats, the last answer repeated for a repeated response id, everything but running containers forgotten in a restart. Knows neither
 * time nor network: property tests of the AM-RM session and the simulator bring those.
 */
import type { AllocateRequest, AllocateResponse } from '#hadoop/proto/application-master-protocol.js'
import type { InferInput } from '#hadoop/proto/message.js'
import type { Container, ContainerStatus } from '#hadoop/proto/yarn-records.js'
import { parseContainerId } from '#hadoop/yarn/identifiers.js'

export const RELEASED_STATUS = -100

export interface ModelContainer {
  readonly number: number
  readonly id: string
  readonly priority: number
  readonly memoryMb: number
  readonly host: string
  /** Attempt of the application that it was allocated to. */
  readonly attempt: number
  /** The application master was told. */
  received: boolean
}

export interface ModelAsk {
  readonly memoryMb: number
  readonly count: number
}

export type ModelAnswer = InferInput<typeof AllocateResponse>

export class ModelResourceManager {
  attempt = 1
  registered = false
  readonly table = new Map<number, ModelAsk>()
  readonly alive = new Map<number, ModelContainer>()
  /** Containers that the application gave back: their nodes are to be told. */
  onReleased: (container: ModelContainer) => void = () => undefined
  /** Hosts where the application wants nothing. */
  readonly blacklist = new Set<string>()
  #responseId = 0
  #lastAnswer: ModelAnswer | undefined
  #fresh: ModelContainer[] = []
  #finished: InferInput<typeof ContainerStatus>[] = []
  #recovered: ModelContainer[] = []
  #nextNumber = 2

  outstanding(priority: number): number {
    return this.table.get(priority)?.count ?? 0
  }

  /** `again`: it is registered already, which is an error. */
  register(): 'registered' | 'again' {
    if (this.registered) return 'again'
    this.registered = true
    this.#responseId = 0
    this.#lastAnswer = undefined
    return 'registered'
  }

  /** Undefined: the master is not registered. @throws Error for a response id that no correct master sends */
  serve(request: AllocateRequest, more: () => ModelAnswer = () => ({})): ModelAnswer | undefined {
    if (!this.registered) return undefined
    if (this.#lastAnswer !== undefined && request.responseId === this.#responseId - 1) return this.#lastAnswer
    if (request.responseId !== this.#responseId) throw new Error(`response id ${request.responseId}, expected ${this.#responseId}`)
    for (const row of request.ask ?? []) {
      if (row.resourceName !== '*') continue
      this.table.set(row.priority?.priority ?? 0, { memoryMb: Number(row.capability?.memory ?? 0n), count: row.numContainers ?? 0 })
    }
    for (const host of request.blacklistRequest?.blacklistAdditions ?? []) this.blacklist.add(host)
    for (const host of request.blacklistRequest?.blacklistRemovals ?? []) this.blacklist.delete(host)
    for (const id of request.release ?? []) {
      const container = this.alive.get(Number(id.id))
      if (container === undefined) continue
      this.complete(container.number, RELEASED_STATUS, 'Container released by application')
      this.onReleased(container)
    }
    const told = this.#fresh.filter(({ number }) => this.alive.has(number))
    this.#lastAnswer = {
      responseId: ++this.#responseId,
      allocatedContainers: told.map(containerRecord),
      completedContainerStatuses: this.#finished,
      containersFromPreviousAttempts: this.#recovered.filter(({ number }) => this.alive.has(number)).map(containerRecord),
      ...more(),
    }
    this.#fresh = []
    this.#finished = []
    this.#recovered = []
    return this.#lastAnswer
  }

  /** The answer arrived: what it allocates may be running from now on. */
  delivered(answer: ModelAnswer): void {
    for (const { id } of answer.allocatedContainers ?? []) {
      const container = this.alive.get(Number((id as { id: bigint }).id))
      if (container !== undefined) container.received = true
    }
  }

  /** Takes one container off the table, to be told with the next answer. */
  allocate(priority: number, host: string): ModelContainer | undefined {
    const ask = this.table.get(priority)
    if (ask === undefined || ask.count === 0 || this.blacklist.has(host)) return undefined
    this.table.set(priority, { ...ask, count: ask.count - 1 })
    const number = this.#nextNumber++
    const container = {
      number,
      id: modelContainerId(number, this.attempt),
      priority,
      memoryMb: ask.memoryMb,
      host,
      attempt: this.attempt,
      received: false,
    }
    this.alive.set(number, container)
    this.#fresh.push(container)
    return container
  }

  complete(number: number, exitStatus: number, diagnostics: string): void {
    const container = this.alive.get(number)
    if (container === undefined) return
    this.alive.delete(number)
    this.#finished.push({ containerId: parseContainerId(container.id), state: 'COMPLETE', exitStatus, diagnostics })
  }

  /** Work-preserving: the containers that nodes still run come back with the nodes (`recover`). */
  restart(): void {
    this.#forget()
    // What the master was never told of was never started.
    for (const [number, container] of this.alive) if (!container.received) this.alive.delete(number)
  }

  /** The application master is gone; the next attempt finds the containers that run. Returns those that nobody was told of: they end. */
  nextAttempt(): ModelContainer[] {
    this.attempt++
    this.#forget()
    const untold = [...this.alive.values()].filter(({ received }) => !received)
    for (const { number } of untold) this.alive.delete(number)
    return untold
  }

  /** A node of a restarted ResourceManager says that it runs this one. `late`: the present attempt is not the one that it was told to. */
  recover(container: ModelContainer): void {
    this.alive.set(container.number, container)
    if (container.attempt < this.attempt) this.#recovered.push(container)
    this.#nextNumber = Math.max(this.#nextNumber, container.number + 1)
  }

  #forget(): void {
    this.registered = false
    this.#responseId = 0
    this.#lastAnswer = undefined
    this.table.clear()
    this.blacklist.clear()
    this.#fresh = []
    this.#finished = []
    this.#recovered = []
  }
}

export function modelContainerId(number: number, attempt = 1): string {
  return `container_1795421644448_0001_${String(attempt).padStart(2, '0')}_${String(number).padStart(6, '0')}`
}

export function containerRecord({
  id,
  priority,
  memoryMb,
  host,
}: Omit<ModelContainer, 'number' | 'attempt' | 'received'>): InferInput<typeof Container> {
  return {
    id: parseContainerId(id),
    nodeId: { host, port: 1 },
    nodeHttpAddress: `${host}:2`,
    resource: { memory: BigInt(memoryMb), virtualCores: 1 },
    priority: { priority },
    containerToken: { identifier: new Uint8Array(0), password: new Uint8Array(0), kind: 'ContainerToken', service: '' },
  }
}
