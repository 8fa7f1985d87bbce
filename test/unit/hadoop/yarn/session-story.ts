/** Plays an AmRmSession against scripted answers and writes down, line by line, what it decides. */
import type { AllocateResponse, RegisterApplicationMasterResponse } from '#hadoop/proto/application-master-protocol.js'
import {
  AllocateResponse as AllocateResponseMessage,
  RegisterApplicationMasterResponse as RegisterResponseMessage,
} from '#hadoop/proto/application-master-protocol.js'
import type { InferInput } from '#hadoop/proto/message.js'
import type { Container, ContainerStatus } from '#hadoop/proto/yarn-records.js'
import { formatContainerId, parseContainerId } from '#hadoop/yarn/identifiers.js'
import { AmRmSession, type SessionEffect } from '#hadoop/yarn/am-rm/am-rm-session.js'
import type { CallFailure, FailureKind } from '#hadoop/yarn/am-rm/call-failure.js'
import type { AmRmEvent, Ask } from '#hadoop/yarn/am-rm/events.js'

const APPLICATION = 'container_1795421644448_0001_01_'
export const EXPIRY_MS = 60_000

/** `2` is container 2 of the application's first attempt. */
export function containerName(number: number): string {
  return `${APPLICATION}${String(number).padStart(6, '0')}`
}

export function granted(number: number, priority = 1, memoryMb = 256): InferInput<typeof Container> {
  return {
    id: parseContainerId(containerName(number)),
    nodeId: { host: 'node', port: 1 },
    nodeHttpAddress: 'node:2',
    resource: { memory: BigInt(memoryMb), virtualCores: 1 },
    priority: { priority },
    containerToken: { identifier: new Uint8Array(0), password: new Uint8Array(0), kind: 'ContainerToken', service: '' },
  }
}

/** The ResourceManager has granted it a larger size. */
export function grown(number: number, memoryMb: number, version: number) {
  return { updateType: 'INCREASE_RESOURCE' as const, container: { ...granted(number, 1, memoryMb), version } }
}

export function notGrown(number: number, reason: string, version: number, currentContainerVersion?: number) {
  const containerId = parseContainerId(containerName(number))
  return {
    reason,
    updateRequest: { containerVersion: version, containerId, updateType: 'INCREASE_RESOURCE' as const },
    currentContainerVersion,
  }
}

export function ended(number: number, exitStatus = -100): InferInput<typeof ContainerStatus> {
  return { containerId: parseContainerId(containerName(number)), state: 'COMPLETE', exitStatus, diagnostics: '' }
}

export function ask(count: number, priority = 1, memoryMb = 256): Ask {
  return { priority, memoryMb, vcores: 1, count }
}

export class Story {
  readonly session = new AmRmSession(
    { identifier: Buffer.from('token 1'), password: Buffer.from('p'), kind: 'YARN_AM_RM_TOKEN', service: '' },
    { intervalMs: 1_000, requestIntervalMs: 200, expiryMs: EXPIRY_MS },
  )
  readonly lines: string[] = []
  #now = 0
  #wakeAt: number | undefined
  #responseId = 0

  register(): this {
    return this.#note('register', this.session.register({ host: 'am', rpcPort: -1, trackingUrl: 'http://am:1' }, this.#now))
  }
  registered(response: InferInput<typeof RegisterResponseMessage> = {}): this {
    this.#responseId = 0
    const decoded: RegisterApplicationMasterResponse = RegisterResponseMessage.decode(
      RegisterResponseMessage.encode({ queue: 'q', maximumCapability: { memory: 4096n, virtualCores: 4 }, ...response }),
    )
    return this.#note('< registered', this.session.answered({ call: 'register', response: decoded }, this.#now))
  }
  /** Registered, first heartbeat answered, quiet. */
  begun(): this {
    this.register().registered().answer()
    this.lines.length = 0
    return this
  }
  asks(asks: readonly Ask[], seen?: number): this {
    return this.#note(
      `asks ${asks.map((one) => `${one.priority}=${one.count}x${one.memoryMb}`).join(' ') || 'nothing'}`,
      this.session.setAsks(asks, seen, this.#now),
    )
  }
  release(...numbers: number[]): this {
    return this.#note(`release ${numbers.join(' ')}`, this.session.release(numbers.map(containerName), this.#now))
  }
  resize(number: number, memoryMb: number): this {
    return this.#note(`resize ${number} to ${memoryMb}`, this.session.resize({ id: containerName(number), memoryMb, vcores: 1 }, this.#now))
  }
  blacklist(...hosts: string[]): this {
    return this.#note(`blacklist ${hosts.join(' ')}`, this.session.setBlacklist(hosts, this.#now))
  }
  trackingUrl(url: string): this {
    return this.#note(`tracking ${url}`, this.session.setTrackingUrl(url, this.#now))
  }
  finish(): this {
    return this.#note('finish', this.session.finish({ status: 'SUCCEEDED', diagnostics: 'done', trackingUrl: '' }, this.#now))
  }
  /** Until the timer falls due. */
  wait(): this {
    if (this.#wakeAt === undefined) throw new Error(`nothing to wait for:\n${this.lines.join('\n')}`)
    const passed = this.#wakeAt - this.#now
    this.#now = this.#wakeAt
    this.#wakeAt = undefined
    return this.#note(`wait ${passed}`, this.session.tick(this.#now))
  }
  pass(ms: number): this {
    this.#now += ms
    return this
  }
  answer(response: InferInput<typeof AllocateResponseMessage> = {}): this {
    this.#responseId++
    const decoded: AllocateResponse = AllocateResponseMessage.decode(
      AllocateResponseMessage.encode({ responseId: this.#responseId, ...response }),
    )
    return this.#note('<', this.session.answered({ call: 'allocate', response: decoded }, this.#now))
  }
  unregistered(isUnregistered: boolean): this {
    return this.#note(
      `< unregistered ${isUnregistered}`,
      this.session.answered({ call: 'finish', response: { isUnregistered } }, this.#now),
    )
  }
  fails(kind: FailureKind, reason = kind as string): this {
    const failure: CallFailure = { kind, reason, className: kind }
    return this.#note(`< fails: ${kind}`, this.session.failed(failure, this.#now))
  }

  get text(): string {
    return this.lines.join('\n')
  }
  get events(): AmRmEvent[] {
    return this.#events
  }
  readonly #events: AmRmEvent[] = []

  #note(title: string, effects: readonly SessionEffect[]): this {
    this.lines.push(title)
    for (const effect of effects) {
      if (effect.type === 'wake') {
        this.#wakeAt = effect.at
        this.lines.push(`  wake +${effect.at - this.#now}`)
      } else {
        if (effect.type === 'emit') this.#events.push(effect.event)
        const line = describe(effect)
        if (line !== undefined) this.lines.push(`  ${line}`)
      }
    }
    return this
  }
}

function short(id: string): string {
  return id.startsWith(APPLICATION) ? String(Number(id.slice(APPLICATION.length))) : id
}

function describe(effect: Exclude<SessionEffect, { type: 'wake' }>): string | undefined {
  if (effect.type === 'useToken') return `use ${Buffer.from(effect.token.identifier).toString()}`
  if (effect.type === 'call') {
    switch (effect.call) {
      case 'register':
        return `> register ${effect.request.trackingUrl}`
      case 'finish':
        return `> finish ${effect.request.finalApplicationStatus}`
      case 'allocate': {
        const parts = [`> allocate #${effect.request.responseId}`]
        for (const row of effect.request.ask ?? [])
          parts.push(`${row.priority?.priority}:${row.resourceName}=${row.numContainers}x${row.capability?.memory}`)
        const releases = (effect.request.release ?? []).map((id) =>
          short(formatContainerId({ ...id, id: id.id ?? 0n } as Parameters<typeof formatContainerId>[0])),
        )
        if (releases.length > 0) parts.push(`release ${releases.join(',')}`)
        const blacklist = effect.request.blacklistRequest
        for (const host of blacklist?.blacklistAdditions ?? []) parts.push(`+${host}`)
        for (const host of blacklist?.blacklistRemovals ?? []) parts.push(`-${host}`)
        for (const update of effect.request.updateRequests ?? [])
          parts.push(
            `enlarge ${short(formatContainerId(update.containerId as Parameters<typeof formatContainerId>[0]))} version ${update.containerVersion} to ${update.capability?.memory}`,
          )
        if (effect.request.trackingUrl !== undefined) parts.push(effect.request.trackingUrl)
        return parts.join(' ')
      }
    }
  }
  const event = effect.event
  switch (event.type) {
    case 'headroom':
    case 'nmTokens':
      return undefined
    case 'registered':
      return `registered${event.resynchronized ? ' again' : ''}${event.previousContainers.length > 0 ? ` with ${event.previousContainers.map(({ id }) => short(id)).join(',')}` : ''}`
    case 'allocated':
      return `allocated ${event.containers.map(({ id }) => short(id)).join(',')} (${event.sequence})`
    case 'recovered':
      return `recovered ${event.containers.map(({ id }) => short(id)).join(',')}`
    case 'completed':
      return `completed ${event.containers.map(({ id, exit }) => `${short(id)} ${exit.name}`).join(', ')}`
    case 'resized':
      return `resized ${event.containers.map(({ id, memoryMb }) => `${short(id)} to ${memoryMb}`).join(', ')}`
    case 'resizeRefused':
      return `not resized ${short(event.id)}: ${event.reason}`
    case 'asksRejected':
      return `asksRejected ${event.asks.map(({ priority, count }) => `${priority}=${count}`).join(' ')}: ${event.reason}`
    case 'preemption':
      return `preemption strict ${event.strict.map(short).join(',')} negotiable ${event.negotiable.map(short).join(',')}${event.resources.map(({ count, memoryMb }) => ` ${count}x${memoryMb}`).join('')}`
    case 'priority':
      return `priority ${event.priority}`
    case 'nodesUpdated':
      return `nodesUpdated ${event.nodes.map(({ node, state }) => `${node.host} ${state}`).join(', ')}`
    case 'attemptOver':
    case 'rmLost':
    case 'rmUnreachable':
      return `${event.type}: ${event.reason}`
    case 'finished':
      return `finished ${Object.entries(event.counters)
        .map(([name, count]) => `${name}=${count}`)
        .join(' ')}`
    default:
      return event.type
  }
}
