/** The model ResourceManager, and an asker with a slow ear: for property tests of AmRmSession. */
import { expect } from 'chai'
import { AllocateResponse, RegisterApplicationMasterResponse } from '#hadoop/proto/application-master-protocol.js'
import { AmRmSession, type SessionCall, type SessionEffect } from '#hadoop/yarn/am-rm/am-rm-session.js'
import type { AmRmEvent } from '#hadoop/yarn/am-rm/events.js'
import { ModelResourceManager } from '../../../support/model-resource-manager.js'

const PRIORITIES = [1, 2]

export class ModelCluster {
  readonly session = new AmRmSession(
    { identifier: Buffer.from('token'), password: Buffer.from('p'), kind: 'YARN_AM_RM_TOKEN', service: '' },
    { intervalMs: 1, requestIntervalMs: 1, expiryMs: Number.MAX_SAFE_INTEGER },
  )
  #now = 0
  #call: SessionCall | undefined

  readonly #resourceManager = new ModelResourceManager()

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
    return [...this.#resourceManager.alive.values()].filter((one) => one.priority === priority).map(({ id }) => id)
  }
  outstandingAt(priority: number): number {
    return this.#resourceManager.outstanding(priority)
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
      for (let i = 0; i < count; i++) this.#resourceManager.allocate(priority, 'node')
    }
  }

  restart(): void {
    this.#resourceManager.restart()
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
      const again = this.#resourceManager.register() === 'again'
      if (fate === 'answer lost') return lost()
      if (again)
        return this.#apply(this.session.failed({ kind: 'invalid-request', reason: 'already registered', className: '' }, this.#now))
      return this.#apply(
        this.session.answered({ call: 'register', response: RegisterApplicationMasterResponse.decode(new Uint8Array(0)) }, this.#now),
      )
    }
    if (call.call !== 'allocate') throw new Error('unexpected finish')
    const answer = this.#resourceManager.serve(call.request)
    if (fate === 'answer lost') return lost()
    if (answer === undefined)
      return this.#apply(this.session.failed({ kind: 'not-registered', reason: 'not registered', className: '' }, this.#now))
    this.#resourceManager.delivered(answer)
    this.#apply(this.session.answered({ call: 'allocate', response: AllocateResponse.decode(AllocateResponse.encode(answer)) }, this.#now))
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
