/**
 * The application master's conversation with the ResourceManager: decides what to send and what an answer means, does no I/O. Its
 * shell (am-rm-client.ts) makes the calls, keeps the timer and hands events on.
 *
 *   NEW ─register→ REGISTERING ─answer→ ACTIVE ─finish→ FINISHING ─isUnregistered→ ENDED
 *                      ↑   NotRegistered   │    │           │
 *                      └───────────────────┴────┴───────────┘      attempt over, RM lost: → ENDED
 *
 * - At most one call is under way. After a lost answer the *same* request goes again: for the same response id the RM repeats its
 *   stored answer and ignores the content.
 * - A restarted RM gets everything again: response id 0, all asks, all releases without a completion, all larger sizes wished, the whole blacklist.
 * - What is allocated beyond the asks is released at once. Completions count once per container; unknown ids are ignored.
 */
import type { Millis } from '#core/time/environment.js'
import type {
  AllocateRequest,
  AllocateResponse,
  FinishApplicationMasterRequest,
  FinishApplicationMasterResponse,
  RegisterApplicationMasterRequest,
  RegisterApplicationMasterResponse,
} from '../../proto/application-master-protocol.js'
import type { Container, NmToken } from '../../proto/yarn-records.js'
import type { Token } from '../../proto/token.js'
import { formatContainerId, nodeAddress, parseContainerId } from '../identifiers.js'
import { AskTable } from './ask-table.js'
import type { CallFailure } from './call-failure.js'
import type { AllocatedContainer, AmRmEvent, Ask, CompletedContainer, Counters, Finish, NodeToken, Registration, Resize } from './events.js'
import { FINAL_STATUS, allocatedContainer, completedContainer, nodeUpdate } from './records.js'

export interface SessionSettings {
  /** Between heartbeats when nothing is wanted. */
  readonly intervalMs: Millis
  /** While containers are wanted, or something is to be told. */
  readonly requestIntervalMs: Millis
  /** `yarn.am.liveness-monitor.expiry-interval-ms`: silence after which the RM gives the attempt up, and so do we. */
  readonly expiryMs: Millis
  /**
   * Silence after which the RM may have started another attempt, though this one still runs: its node may count as lost before it does.
   * Counted from the last call that was answered; while nobody listens at the RM's address nobody starts attempts. Undefined: not watched.
   */
  readonly leaseMs?: Millis | undefined
}

export type SessionCall =
  | { readonly call: 'register'; readonly request: RegisterApplicationMasterRequest }
  | { readonly call: 'allocate'; readonly request: AllocateRequest }
  | { readonly call: 'finish'; readonly request: FinishApplicationMasterRequest }

export type SessionAnswer =
  | { readonly call: 'register'; readonly response: RegisterApplicationMasterResponse }
  | { readonly call: 'allocate'; readonly response: AllocateResponse }
  | { readonly call: 'finish'; readonly response: FinishApplicationMasterResponse }

export type SessionEffect =
  | ({ readonly type: 'call' } & SessionCall)
  /** Call `tick` at this time; replaces the former one. */
  | { readonly type: 'wake'; readonly at: Millis }
  /** Authenticate the next connection with it, and make one soon. */
  | { readonly type: 'useToken'; readonly token: Token }
  | { readonly type: 'emit'; readonly event: AmRmEvent }

type Phase = 'NEW' | 'REGISTERING' | 'ACTIVE' | 'FINISHING' | 'ENDED'
interface InFlight {
  readonly call: SessionCall
  /** Priorities, releases and containers to be enlarged that an allocate carries. */
  readonly priorities: readonly number[]
  readonly releases: readonly string[]
  readonly resizes: readonly string[]
}

interface HeldContainer {
  readonly priority: number
  released: boolean
  /** Of its size: a request names the one that it changes. */
  version: number
}

interface PendingResize {
  readonly wish: Resize
  /** The ResourceManager has it. */
  sent: boolean
  /** Refusals for a version that was not the right one. */
  outdated: number
}

const UNREGISTER_RETRY_MS = 200
const FIRST_BACKOFF_MS = 200
const MAX_BACKOFF_MS = 5_000
const MAX_REFUSALS = 5
const MAX_OUTDATED = 3

export class AmRmSession {
  readonly #settings: SessionSettings
  readonly #asks = new AskTable()
  /** Granted or recovered, not yet completed; `released`: we gave it back. */
  readonly #held = new Map<string, HeldContainer>()
  /** Larger sizes wished and neither granted nor refused, by container. */
  readonly #resizes = new Map<string, PendingResize>()
  /** Never granted: released on arrival. */
  readonly #surplus = new Set<string>()
  readonly #toRelease = new Set<string>()
  #phase: Phase = 'NEW'
  #registration: Registration | undefined
  #everRegistered = false
  #finish: Finish | undefined
  #token: Token
  #responseId = 0
  #progress = 0
  #trackingUrl: string | undefined
  #blacklist = new Set<string>()
  #blacklistSent = new Set<string>()
  #headroom = ''
  #priority: number | undefined
  #inFlight: InFlight | undefined
  /** A request whose answer was lost. */
  #repeat: InFlight | undefined
  #failures = 0
  #refusals = 0
  #failingSince: Millis | undefined
  /** When the call under way was made, and the newest one that the RM took notice of. */
  #calledAt: Millis = 0
  #contact: Millis | undefined
  #notBefore: Millis = 0
  #lastHeartbeat: Millis = Number.NEGATIVE_INFINITY
  #counts = { surplus: 0, released: 0, completed: 0, heartbeats: 0, resyncs: 0 }
  #effects: SessionEffect[] = []

  constructor(token: Token, settings: SessionSettings) {
    this.#token = token
    this.#settings = settings
  }

  get phase(): Phase {
    return this.#phase
  }
  get counters(): Counters {
    return { asked: this.#asks.asked, granted: this.#asks.granted, ...this.#counts }
  }

  /** `tick` is due then, also while a call is under way; undefined: never. */
  get leaseEndsAt(): Millis | undefined {
    const { leaseMs } = this.#settings
    return leaseMs === undefined || this.#contact === undefined || this.#phase === 'ENDED' ? undefined : this.#contact + leaseMs
  }

  // ------------------------------------------------------------------------------------------------------------- from our side
  register(registration: Registration, now: Millis): SessionEffect[] {
    if (this.#phase !== 'NEW') throw new Error(`register in phase ${this.#phase}`)
    this.#registration = registration
    this.#phase = 'REGISTERING'
    this.#contact = now
    return this.#proceed(now)
  }

  /** The whole table of what is wanted now. `seen`: sequence of the last `allocated` event that it takes into account. */
  setAsks(asks: readonly Ask[], seen: number | undefined, now: Millis): SessionEffect[] {
    this.#asks.set(asks, seen)
    return this.#proceed(now)
  }

  /** Gives containers back. Unknown and completed ones are passed over. */
  release(ids: readonly string[], now: Millis): SessionEffect[] {
    for (const id of ids) {
      const held = this.#held.get(id)
      if (held === undefined || held.released) continue
      held.released = true
      this.#resizes.delete(id)
      this.#toRelease.add(id)
      this.#counts.released++
    }
    return this.#proceed(now)
  }

  /** Enlarges a container where it is. Unknown and released ones are passed over; a later wish replaces one that has not been sent. */
  resize(wish: Resize, now: Millis): SessionEffect[] {
    const held = this.#held.get(wish.id)
    if (held !== undefined && !held.released && this.#resizes.get(wish.id)?.sent !== true)
      this.#resizes.set(wish.id, { wish, sent: false, outdated: 0 })
    return this.#proceed(now)
  }

  /** Hosts where no container is wanted, all of them. */
  setBlacklist(hosts: readonly string[], now: Millis): SessionEffect[] {
    this.#blacklist = new Set(hosts)
    return this.#proceed(now)
  }

  /** 0..1. */
  setProgress(progress: number): void {
    this.#progress = Number.isFinite(progress) ? Math.min(1, Math.max(0, progress)) : 0
  }

  setTrackingUrl(url: string, now: Millis): SessionEffect[] {
    this.#trackingUrl = url
    return this.#proceed(now)
  }

  /** Unregisters after what is still to be released has been, and what was asked for is taken back. */
  finish(finish: Finish, now: Millis): SessionEffect[] {
    if (this.#phase !== 'ENDED') this.#finish ??= finish
    // Nothing more is wanted; what still comes is surplus.
    this.#asks.set([])
    return this.#proceed(now)
  }

  tick(now: Millis): SessionEffect[] {
    return this.#proceed(now)
  }

  // ---------------------------------------------------------------------------------------------------------- from the RM's side
  answered(answer: SessionAnswer, now: Millis): SessionEffect[] {
    const flight = this.#inFlight
    if (flight === undefined || flight.call.call !== answer.call) throw new Error(`answer to ${answer.call}, which is not under way`)
    this.#inFlight = undefined
    if (this.#phase === 'ENDED') return []
    this.#contact = this.#calledAt
    this.#failures = 0
    this.#refusals = 0
    this.#notBefore = 0
    this.#reachable()
    switch (answer.call) {
      case 'register':
        this.#onRegistered(answer.response)
        break
      case 'allocate':
        this.#onAllocated(flight, answer.response)
        break
      case 'finish':
        if (answer.response.isUnregistered) {
          this.#phase = 'ENDED'
          this.#emit({ type: 'finished', counters: this.counters })
        } else this.#notBefore = now + UNREGISTER_RETRY_MS
        break
    }
    return this.#proceed(now)
  }

  failed(failure: CallFailure, now: Millis): SessionEffect[] {
    const flight = this.#inFlight
    if (flight === undefined) throw new Error('a failure of no call')
    this.#inFlight = undefined
    if (this.#phase === 'ENDED') return []
    if (failure.kind !== 'transient' && failure.kind !== 'refused') this.#contact = this.#calledAt
    else if (failure.nobodyListens === true) this.#contact = now
    switch (failure.kind) {
      case 'not-registered':
        if (flight.call.call === 'register') this.#tryAgain(flight, failure, now)
        else this.#resynchronize()
        break
      case 'attempt-over':
        this.#over(failure)
        break
      case 'invalid-request':
        // "Already registered": an earlier registration of ours arrived and its answer was lost.
        if (flight.call.call === 'register' && this.#failingSince !== undefined) {
          this.#reachable()
          this.#onRegistered(undefined)
        } else this.#over(failure)
        break
      case 'asks-rejected':
        // Which of the two is refused is not said: the larger sizes are what the application can do without.
        if (flight.resizes.length > 0) {
          for (const id of flight.resizes) this.#refuseResize(id, failure.reason)
          this.#asksAgain(flight)
        } else if (flight.priorities.length === 0) this.#tryAgain(flight, failure, now)
        else {
          const asks = this.#asks.refused(flight.priorities)
          if (asks.length > 0) this.#emit({ type: 'asksRejected', asks, reason: failure.reason, className: failure.className })
        }
        break
      case 'release-rejected':
        if (flight.releases.length === 0) this.#tryAgain(flight, failure, now)
        else {
          for (const id of flight.releases) this.#toRelease.delete(id)
          this.#asksAgain(flight)
        }
        break
      case 'blacklist-rejected':
        this.#blacklist = new Set(this.#blacklistSent)
        this.#asksAgain(flight)
        break
      case 'refused':
        // Once may be a server that is still reading its state; always is the end.
        if (++this.#refusals >= MAX_REFUSALS) this.#over(failure)
        else this.#tryAgain(flight, failure, now)
        break
      case 'transient':
        this.#tryAgain(flight, failure, now)
        break
    }
    return this.#proceed(now)
  }

  // ------------------------------------------------------------------------------------------------------------------ decisions
  /** What is to be done now; the effects collected so far go with it. */
  #proceed(now: Millis): SessionEffect[] {
    const leaseEnd = this.leaseEndsAt
    if (leaseEnd !== undefined && now >= leaseEnd) this.#leaseEnded(now)
    if (this.#inFlight === undefined && this.#phase !== 'NEW' && this.#phase !== 'ENDED') {
      const at = this.#nextCallAt(now)
      if (at > now) this.#effects.push({ type: 'wake', at: Math.min(at, leaseEnd ?? at) })
      else this.#call(this.#repeat ?? this.#nextCall(), now)
    }
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  #nextCallAt(now: Millis): Millis {
    if (this.#notBefore > now) return this.#notBefore
    if (this.#phase !== 'ACTIVE' || this.#repeat !== undefined || this.#finish !== undefined) return now
    const busy =
      this.#asks.outstanding > 0 ||
      this.#asks.anyDirty ||
      this.#toRelease.size > 0 ||
      this.#unsentResizes().length > 0 ||
      this.#blacklistDelta() !== undefined ||
      this.#trackingUrl !== undefined
    return this.#lastHeartbeat + (busy ? this.#settings.requestIntervalMs : this.#settings.intervalMs)
  }

  #nextCall(): InFlight {
    const nothing = { priorities: [], releases: [], resizes: [] }
    if (this.#phase === 'REGISTERING') {
      const { host, rpcPort, trackingUrl } = this.#registration!
      return { call: { call: 'register', request: { host, rpcPort, trackingUrl } }, ...nothing }
    }
    const finish = this.#finish
    if (finish !== undefined && (this.#phase === 'FINISHING' || (this.#toRelease.size === 0 && !this.#asks.anyDirty))) {
      this.#phase = 'FINISHING'
      const { diagnostics, trackingUrl, status } = finish
      return { call: { call: 'finish', request: { diagnostics, trackingUrl, finalApplicationStatus: FINAL_STATUS[status] } }, ...nothing }
    }
    return this.#nextAllocate()
  }

  #nextAllocate(): InFlight {
    const { requests, priorities } = this.#asks.takeDirty()
    const releases = [...this.#toRelease]
    const resizes = this.#unsentResizes()
    const request: AllocateRequest = {
      ask: requests,
      release: releases.map(parseContainerId),
      blacklistRequest: this.#blacklistDelta(),
      responseId: this.#responseId,
      progress: this.#progress,
      trackingUrl: this.#trackingUrl,
      updateRequests: resizes.map(({ id, memoryMb, vcores }) => ({
        containerVersion: this.#held.get(id)?.version ?? 0,
        containerId: parseContainerId(id),
        updateType: 'INCREASE_RESOURCE',
        capability: { memory: BigInt(memoryMb), virtualCores: vcores },
      })),
    }
    return { call: { call: 'allocate', request }, priorities, releases, resizes: resizes.map(({ id }) => id) }
  }

  #unsentResizes(): Resize[] {
    return this.#finish === undefined ? [...this.#resizes.values()].filter(({ sent }) => !sent).map(({ wish }) => wish) : []
  }

  #blacklistDelta(): { blacklistAdditions: string[]; blacklistRemovals: string[] } | undefined {
    const blacklistAdditions = [...this.#blacklist].filter((host) => !this.#blacklistSent.has(host))
    const blacklistRemovals = [...this.#blacklistSent].filter((host) => !this.#blacklist.has(host))
    return blacklistAdditions.length + blacklistRemovals.length === 0 ? undefined : { blacklistAdditions, blacklistRemovals }
  }

  #call(flight: InFlight, now: Millis): void {
    this.#inFlight = flight
    this.#calledAt = now
    this.#repeat = undefined
    if (flight.call.call === 'allocate') {
      this.#lastHeartbeat = now
      this.#counts.heartbeats++
    }
    this.#effects.push({ type: 'call', ...flight.call })
  }

  #reachable(): void {
    if (this.#failingSince === undefined) return
    this.#failingSince = undefined
    this.#emit({ type: 'rmReachable' })
  }

  #leaseEnded(now: Millis): void {
    this.#phase = 'ENDED'
    const silence = `no answer for ${Math.round((now - (this.#contact ?? now)) / 1000)} s, and another attempt may have been started`
    this.#emit({ type: 'rmLost', reason: silence })
  }

  #tryAgain(flight: InFlight, failure: CallFailure, now: Millis): void {
    if (this.#failingSince === undefined) {
      this.#failingSince = now
      this.#emit({ type: 'rmUnreachable', reason: failure.reason })
    }
    if (now - this.#failingSince >= this.#settings.expiryMs) {
      this.#phase = 'ENDED'
      this.#emit({ type: 'rmLost', reason: failure.reason })
      return
    }
    this.#repeat = flight
    this.#notBefore = now + Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(this.#failures++, 20))
  }

  /** The request was refused as a whole for another part of it: its asks did not arrive. */
  #asksAgain(flight: InFlight): void {
    this.#asks.resend(flight.priorities)
  }

  #resynchronize(): void {
    this.#phase = 'REGISTERING'
    this.#counts.resyncs++
    this.#responseId = 0
    this.#repeat = undefined
    this.#asks.forgotten()
    for (const resize of this.#resizes.values()) resize.sent = false
    this.#blacklistSent = new Set()
    for (const [id, held] of this.#held) if (held.released) this.#toRelease.add(id)
    for (const id of this.#surplus) this.#toRelease.add(id)
  }

  #over(failure: CallFailure): void {
    this.#phase = 'ENDED'
    this.#emit({ type: 'attemptOver', reason: failure.reason, className: failure.className })
  }

  /** Undefined: registered, but the answer is lost for good. */
  #onRegistered(response: RegisterApplicationMasterResponse | undefined): void {
    const resynchronized = this.#everRegistered
    this.#everRegistered = true
    this.#phase = 'ACTIVE'
    this.#responseId = 0
    this.#lastHeartbeat = Number.NEGATIVE_INFINITY
    this.#emitNmTokens(response?.nmTokensFromPreviousAttempts ?? [])
    const maximum = response?.maximumCapability
    this.#emit({
      type: 'registered',
      resynchronized,
      queue: response?.queue ?? '',
      maximum: { memoryMb: Number(maximum?.memory ?? 0n), vcores: maximum?.virtualCores ?? 0 },
      vcoresCounted: response?.schedulerResourceTypes.includes('CPU') ?? false,
      previousContainers: this.#recover(response?.containersFromPreviousAttempts ?? []),
    })
  }

  #onAllocated(flight: InFlight, response: AllocateResponse): void {
    if (response.amCommand === 'AM_RESYNC') return this.#resynchronize()
    if (response.amCommand === 'AM_SHUTDOWN')
      return this.#over({ kind: 'attempt-over', reason: 'the ResourceManager ordered the shutdown', className: 'AM_SHUTDOWN' })
    this.#responseId = response.responseId
    for (const id of flight.releases) this.#toRelease.delete(id)
    this.#rememberSent(flight)
    this.#useToken(response.amRmToken)
    this.#emitNmTokens(response.nmTokens)
    const recovered = this.#recover(response.containersFromPreviousAttempts)
    if (recovered.length > 0) this.#emit({ type: 'recovered', containers: recovered })
    this.#onContainers(flight, response.allocatedContainers)
    this.#onResized(response)
    this.#onCompleted(response)
    const nodes = response.updatedNodes.map(nodeUpdate).filter((node) => node !== undefined)
    if (nodes.length > 0) this.#emit({ type: 'nodesUpdated', nodes })
    this.#onPreemption(response.preempt)
    this.#onPriority(response.applicationPriority?.priority)
    this.#onHeadroom(response)
  }

  #rememberSent(flight: InFlight): void {
    if (flight.call.call !== 'allocate') return
    for (const id of flight.resizes) {
      const resize = this.#resizes.get(id)
      if (resize !== undefined) resize.sent = true
    }
    const { blacklistRequest, trackingUrl } = flight.call.request
    for (const host of blacklistRequest?.blacklistAdditions ?? []) this.#blacklistSent.add(host)
    for (const host of blacklistRequest?.blacklistRemovals ?? []) this.#blacklistSent.delete(host)
    if (trackingUrl !== undefined && trackingUrl === this.#trackingUrl) {
      this.#trackingUrl = undefined
      // A restarted RM is told the current one.
      this.#registration = { ...this.#registration!, trackingUrl }
    }
  }

  #useToken(token: Token | undefined): void {
    if (token === undefined || (sameBytes(token.identifier, this.#token.identifier) && sameBytes(token.password, this.#token.password)))
      return
    this.#token = token
    this.#effects.push({ type: 'useToken', token })
    this.#emit({ type: 'amRmToken', token })
  }

  #emitNmTokens(nmTokens: readonly NmToken[]): void {
    const tokens: NodeToken[] = []
    for (const { nodeId, token } of nmTokens)
      if (nodeId !== undefined && token !== undefined) tokens.push({ node: nodeAddress(nodeId), token })
    if (tokens.length > 0) this.#emit({ type: 'nmTokens', tokens })
  }

  /** Containers of earlier attempts that are new to us. */
  #recover(containers: readonly Container[]): AllocatedContainer[] {
    const recovered: AllocatedContainer[] = []
    for (const record of containers) {
      const container = allocatedContainer(record)
      if (container === undefined || this.#held.has(container.id) || this.#surplus.has(container.id)) continue
      this.#held.set(container.id, { priority: container.priority, released: false, version: record.version })
      recovered.push(container)
    }
    return recovered
  }

  #onContainers(flight: InFlight, containers: readonly Container[]): void {
    const granted: AllocatedContainer[] = []
    const priorities = new Set<number>()
    for (const record of containers) {
      const container = allocatedContainer(record)
      if (container === undefined || this.#held.has(container.id) || this.#surplus.has(container.id)) continue
      priorities.add(container.priority)
      if (this.#finish === undefined && this.#asks.accept(container)) {
        this.#held.set(container.id, { priority: container.priority, released: false, version: record.version })
        granted.push(container)
      } else {
        this.#surplus.add(container.id)
        this.#toRelease.add(container.id)
        this.#counts.surplus++
      }
    }
    this.#asks.confirmed(flight.priorities, priorities)
    if (granted.length > 0) this.#emit({ type: 'allocated', sequence: this.#asks.sequence, containers: granted })
  }

  #onResized({ updatedContainers, updateErrors }: AllocateResponse): void {
    const resized: AllocatedContainer[] = []
    for (const { updateType, container: record } of updatedContainers) {
      const container = allocatedContainer(record)
      const held = container === undefined ? undefined : this.#held.get(container.id)
      if (container === undefined || held === undefined || updateType !== 'INCREASE_RESOURCE') continue
      held.version = record.version
      this.#resizes.delete(container.id)
      if (!held.released) resized.push(container)
    }
    if (resized.length > 0) this.#emit({ type: 'resized', containers: resized })
    for (const { reason, updateRequest, currentContainerVersion } of updateErrors) {
      if (updateRequest === undefined) continue
      const id = formatContainerId(updateRequest.containerId)
      const held = this.#held.get(id)
      const resize = this.#resizes.get(id)
      if (held === undefined || resize === undefined) continue
      if (currentContainerVersion !== undefined && currentContainerVersion !== held.version && ++resize.outdated <= MAX_OUTDATED) {
        held.version = currentContainerVersion
        resize.sent = false
      } else this.#refuseResize(id, reason === undefined || reason === '' ? 'YARN gives no reason' : reason)
    }
  }

  #refuseResize(id: string, reason: string): void {
    if (this.#resizes.delete(id)) this.#emit({ type: 'resizeRefused', id, reason })
  }

  #onCompleted(response: AllocateResponse): void {
    const completed: CompletedContainer[] = []
    for (const status of response.completedContainerStatuses) {
      if (status.containerId === undefined) continue
      const id = formatContainerId(status.containerId)
      this.#toRelease.delete(id)
      this.#surplus.delete(id)
      const held = this.#held.get(id)
      if (held === undefined) continue
      this.#held.delete(id)
      this.#resizes.delete(id)
      this.#counts.completed++
      completed.push(completedContainer(id, held.priority, status))
    }
    if (completed.length > 0) this.#emit({ type: 'completed', containers: completed })
  }

  #onPreemption(preempt: AllocateResponse['preempt']): void {
    const ids = (containers: readonly { id?: Parameters<typeof formatContainerId>[0] }[] | undefined) =>
      (containers ?? []).flatMap(({ id }) => (id === undefined ? [] : [formatContainerId(id)])).filter((id) => this.#held.has(id))
    const strict = ids(preempt?.strictContract?.container)
    const negotiable = ids(preempt?.contract?.container)
    const resources = (preempt?.contract?.resource ?? []).flatMap(({ resource }) => {
      const count = resource?.numContainers ?? 0
      if (count <= 0) return []
      return [{ memoryMb: Number(resource?.capability?.memory ?? 0n), vcores: resource?.capability?.virtualCores ?? 0, count }]
    })
    if (strict.length + negotiable.length + resources.length > 0) this.#emit({ type: 'preemption', strict, negotiable, resources })
  }

  #onPriority(priority: number | undefined): void {
    if (priority === undefined || priority === this.#priority) return
    const first = this.#priority === undefined
    this.#priority = priority
    if (!first) this.#emit({ type: 'priority', priority })
  }

  #onHeadroom(response: AllocateResponse): void {
    const memoryMb = Number(response.limit?.memory ?? 0n)
    const vcores = response.limit?.virtualCores ?? 0
    const clusterNodes = response.numClusterNodes ?? 0
    const headroom = `${memoryMb} ${vcores} ${clusterNodes}`
    if (headroom === this.#headroom) return
    this.#headroom = headroom
    this.#emit({ type: 'headroom', memoryMb, vcores, clusterNodes })
  }

  #emit(event: AmRmEvent): void {
    this.#effects.push({ type: 'emit', event })
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
