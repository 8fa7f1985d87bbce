/**
 * A ResourceManager as the capacity scheduler behaves towards one application, and an asker with a slow ear: for property tests of
 * AmRmSession. The RM keeps an absolute table, allocates between heartbeats, repeats its last answer for a repeated response id, and
 * forgets everything but running containers when restarted.
 */
import { expect } from 'chai'
import { AllocateResponse, RegisterApplicationMasterResponse, type AllocateRequest } from '#hadoop/proto/application-master-protocol.js'
import type { ContainerStatus } from '#hadoop/proto/yarn-records.js'
import type { InferInput } from '#hadoop/proto/message.js'
import { AmRmSession, type SessionCall, type SessionEffect } from '#hadoop/yarn/am-rm/am-rm-session.js'
import type { AmRmEvent } from '#hadoop/yarn/am-rm/events.js'
import { containerName, ended, granted } from './session-story.js'

const PRIORITIES = [1, 2]

export class ModelCluster {
  readonly session = new AmRmSession(
    { identifier: Buffer.from('token'), password: Buffer.from('p'), kind: 'YARN_AM_RM_TOKEN', service: '' },
    { intervalMs: 1, requestIntervalMs: 1, expiryMs: Number.MAX_SAFE_INTEGER },
  )
  #now = 0
  #call: SessionCall | undefined

  // The ResourceManager.
  #registered = false
  #responseId = 0
  #lastAnswer: InferInput<typeof AllocateResponse> | undefined
  readonly #table = new Map<number, number>()
  readonly #alive = new Map<number, { priority: number; received: boolean }>()
  #fresh: number[] = []
  #finished: InferInput<typeof ContainerStatus>[] = []
  #nextId = 2

  // The asker.
  readonly #wanted = new Map<number, number>([
    [1, 0],
    [2, 0],
  ])
  readonly #held = new Map<string, number>()
  #unheard: AmRmEvent[] = []
  #heard = 0

  constructor() {
    this.#apply(this.session.register({ host: '', rpcPort: -1, trackingUrl: '' }, 0))
  }

  want(priority: number, count: number): void {
    this.#wanted.set(priority, count)
    this.#ask()
  }
  wanted(priority: number): number {
    return this.#wanted.get(priority) ?? 0
  }
  heldAt(priority: number): string[] {
    return [...this.#held].filter(([, one]) => one === priority).map(([id]) => id)
  }
  aliveAt(priority: number): string[] {
    return [...this.#alive].filter(([, one]) => one.priority === priority).map(([number]) => containerName(number))
  }
  outstandingAt(priority: number): number {
    return this.#table.get(priority) ?? 0
  }

  /** The events that have happened so far reach the asker. */
  listen(): void {
    const events = this.#unheard
    this.#unheard = []
    for (const event of events) {
      if (event.type === 'allocated') {
        this.#heard = event.sequence
        for (const container of event.containers) this.#held.set(container.id, container.priority)
      } else if (event.type === 'completed') for (const container of event.containers) this.#held.delete(container.id)
    }
    this.#ask()
  }

  #ask(): void {
    for (const priority of PRIORITIES) {
      const extra = this.heldAt(priority).slice(this.wanted(priority))
      for (const id of extra) this.#held.delete(id)
      if (extra.length > 0) this.#apply(this.session.release(extra, this.#now))
    }
    const asks = PRIORITIES.map((priority) => ({
      priority,
      memoryMb: 256,
      vcores: 1,
      count: this.wanted(priority) - this.heldAt(priority).length,
    }))
    this.#apply(this.session.setAsks(asks, this.#heard, this.#now))
  }

  /** NodeManagers report: up to `count` containers of the table are allocated, to be told with the next answer. */
  allocate(count: number): void {
    for (const priority of PRIORITIES) {
      for (let i = 0; i < count && this.outstandingAt(priority) > 0; i++) {
        this.#table.set(priority, this.outstandingAt(priority) - 1)
        this.#alive.set(this.#nextId, { priority, received: false })
        this.#fresh.push(this.#nextId++)
      }
    }
  }

  restart(): void {
    this.#registered = false
    this.#responseId = 0
    this.#lastAnswer = undefined
    this.#table.clear()
    this.#fresh = []
    this.#finished = []
    // What the master was never told of was never started.
    for (const [id, one] of this.#alive) if (!one.received) this.#alive.delete(id)
  }

  heartbeat(fate: 'ok' | 'answer lost' | 'request lost'): void {
    this.#now += 10_000
    if (this.#call === undefined) this.#apply(this.session.tick(this.#now))
    const call = this.#call
    if (call === undefined) return
    this.#call = undefined
    const lost = () => this.#apply(this.session.failed({ kind: 'transient', reason: 'lost', className: '' }, this.#now))
    if (fate === 'request lost') return lost()
    if (call.call === 'register') {
      const again = this.#registered
      this.#registered = true
      this.#responseId = 0
      if (fate === 'answer lost') return lost()
      if (again)
        return this.#apply(this.session.failed({ kind: 'invalid-request', reason: 'already registered', className: '' }, this.#now))
      return this.#apply(
        this.session.answered({ call: 'register', response: RegisterApplicationMasterResponse.decode(new Uint8Array(0)) }, this.#now),
      )
    }
    if (call.call !== 'allocate') throw new Error('unexpected finish')
    const answer = this.#serve(call.request)
    if (fate === 'answer lost') return lost()
    if (answer === undefined)
      return this.#apply(this.session.failed({ kind: 'not-registered', reason: 'not registered', className: '' }, this.#now))
    for (const container of answer.allocatedContainers ?? []) {
      const alive = this.#alive.get(Number((container.id as { id: bigint }).id))
      if (alive !== undefined) alive.received = true
    }
    this.#apply(this.session.answered({ call: 'allocate', response: AllocateResponse.decode(AllocateResponse.encode(answer)) }, this.#now))
  }

  #serve(request: AllocateRequest): InferInput<typeof AllocateResponse> | undefined {
    if (!this.#registered) return undefined
    if (this.#lastAnswer !== undefined && request.responseId === this.#responseId - 1) return this.#lastAnswer
    expect(request.responseId, 'response id').to.equal(this.#responseId)
    for (const row of request.ask ?? []) this.#table.set(row.priority?.priority ?? 0, row.numContainers ?? 0)
    for (const id of request.release ?? []) {
      const number = Number(id.id)
      if (this.#alive.delete(number)) this.#finished.push(ended(number))
    }
    this.#lastAnswer = {
      responseId: ++this.#responseId,
      allocatedContainers: this.#fresh
        .filter((number) => this.#alive.has(number))
        .map((number) => granted(number, this.#alive.get(number)!.priority)),
      completedContainerStatuses: this.#finished,
    }
    this.#fresh = []
    this.#finished = []
    return this.#lastAnswer
  }

  /** No more trouble: heartbeats, allocation and listening until nothing changes. */
  settle(): void {
    for (let i = 0; i < 12; i++) {
      this.heartbeat('ok')
      this.allocate(5)
      this.listen()
    }
  }

  check(): void {
    const { asked, granted: got } = this.session.counters
    expect(asked - got).to.be.at.least(0)
    for (const id of this.#held.keys()) expect(id).to.match(/^container_/)
  }

  #apply(effects: readonly SessionEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'call') {
        expect(this.#call, 'two calls under way').to.equal(undefined)
        this.#call = effect
      } else if (effect.type === 'emit') {
        expect(effect.event.type).to.not.be.oneOf(['attemptOver', 'rmLost', 'asksRejected'])
        this.#unheard.push(effect.event)
      }
    }
  }
}
