/**
 * Workers as YARN containers. Asks with absolute counts, starts what is granted, explains what ended, gives everything back. The
 * session with YARN's ResourceManager runs in its own thread (heartbeat-main.ts); NodeManagers are called from here.
 */
import { defineError } from '#core/errors/define-error.js'
import { formatDuration } from '#core/config/units.js'
import { resourceId, type ResourceId } from '#core/ids/ids.js'
import { logger } from '#core/log/logger.js'
import { unreachable } from '#core/machine/step.js'
import type { Environment, Millis, TimerHandle } from '#core/time/environment.js'
import type {
  AllocatedContainer,
  AmRmEvent,
  CompletedContainer,
  Counters,
  NodeToken,
  NodeUpdate,
  Registration,
} from '#hadoop/yarn/am-rm/events.js'
import type { StartRequest } from '#hadoop/yarn/am-nm/nm-client.js'
import type { NodeAddress } from '#hadoop/yarn/identifiers.js'
import type { Token } from '#hadoop/security/tokens.js'
import type { WorkersWanted } from '../../slotmanager/slot-manager.js'
import type { DriverListener, FinalStatus, ResourceManagerDriver } from '../driver.js'
import {
  asksOf,
  containersOn,
  memoryOf,
  missing,
  NO_CONTAINERS,
  slotsOf,
  withContainers,
  withDiscounted,
  withoutContainer,
  withReleased,
  withSize,
  type ContainerTable,
  type WorkerShape,
} from './container-table.js'
import { describeContainerEnd } from './describe-container-end.js'
import type { AmRm } from './heartbeat-thread.js'
import { describeQueue, type QueueReport, type ReadQueue } from './queue-report.js'
import { endOf, nodeVerdict, unnamedContainers } from './node-events.js'

export const AttemptOver = defineError('YARN_ATTEMPT_OVER', {
  recovery: 'fail-process',
  message: (d: { reason: string }) => `YARN has ended this attempt of the application master: ${d.reason}`,
})
export const ResourceManagerLost = defineError('YARN_RESOURCEMANAGER_LOST', {
  recovery: 'fail-process',
  message: (d: { reason: string }) => `The ResourceManager did not answer for so long that it has given this attempt up: ${d.reason}`,
})
export const ContainersRefused = defineError('YARN_CONTAINERS_REFUSED', {
  recovery: 'none',
  message: (d: { memoryMb: number; vcores: number; reason: string }) =>
    `YARN refuses containers of ${d.memoryMb} MB and ${d.vcores} vcores for TaskManagers: ${d.reason}. ` +
    'Lower taskmanager.memory.process.size, yarn.containers.vcores or taskmanager.numberOfTaskSlots, or see yarn.taskmanager.node-label.',
})

/** Containers that are awaited so long are named in the log, then every minute. */
const NAME_PENDING_AFTER_MS: Millis = 15_000
const NAME_PENDING_EVERY_MS: Millis = 60_000
/** What the queue leaves has changed: so often at most it is asked whether the application has been moved. */
const QUEUE_READ_EVERY_MS: Millis = 60_000
const MIB = 1024 * 1024
/** Unregistering is tried so long. */
const FINISH_TIMEOUT_MS: Millis = 30_000

export interface NodeManagers {
  setTokens(tokens: readonly NodeToken[]): void
  start(request: StartRequest): Promise<void>
  stop(place: { readonly id: string; readonly node: NodeAddress }): Promise<void>
  update(place: { readonly id: string; readonly node: NodeAddress }, token: Token): Promise<void>
  close(): void
}

export interface YarnDriverSettings {
  readonly environment: Environment
  readonly shape: WorkerShape
  readonly registration: Registration
  /** YARN kills a container it wants back so long after it has said so. */
  readonly preemptionGrace: Millis
  /** Starts the session. */
  amRm(onEvent: (event: AmRmEvent) => void, onDied: (error: Error) => void): AmRm
  readonly nodeManagers: NodeManagers
  /** `memoryMb`: of the container, if not the usual; 0: it is. */
  launchContext(containerId: string, slots: number, memoryMb: number): StartRequest['context']
  readonly readQueue: ReadQueue
  /** Last lines of a container's log; undefined: not to be had. */
  logTail(nodeHttpAddress: string, containerId: string): Promise<string | undefined>
}

export class YarnDriver implements ResourceManagerDriver {
  readonly #settings: YarnDriverSettings
  readonly #log = logger('YarnDriver')
  #listener: DriverListener | undefined
  #amRm: AmRm | undefined
  #table: ContainerTable = NO_CONTAINERS
  #registered: Extract<AmRmEvent, { type: 'registered' }> | undefined
  #headroom: Extract<AmRmEvent, { type: 'headroom' }> | undefined
  /** As of the last look; undefined: it was not to be had. */
  #queue: QueueReport | undefined
  #queueReadAt: Millis = 0
  #pendingSince: Millis | undefined
  #pendingTimer: TimerHandle | undefined
  #onRegistered: (() => void) | undefined
  #onFinished: ((counters: Counters) => void) | undefined
  #progress = 0
  #blockable: readonly string[] = []
  #blocked: readonly string[] = []
  #endedByThemselves = 0
  #recovered = 0
  #ending = false

  constructor(settings: YarnDriverSettings) {
    this.#settings = settings
  }

  /** Resolves when YARN has registered this attempt. */
  start(listener: DriverListener): Promise<void> {
    this.#listener = listener
    this.#amRm = this.#settings.amRm(
      (event) => this.#onEvent(event),
      (error) => listener.fatal(error, true),
    )
    const registered = new Promise<void>((resolve) => (this.#onRegistered = resolve))
    this.#amRm.register(this.#settings.registration)
    return registered
  }

  declareWorkers(wanted: readonly WorkersWanted[]): void {
    this.#table = { ...this.#table, wanted }
    this.#ask()
  }

  releaseWorker(id: ResourceId): void {
    const container = this.#table.held.get(id)
    if (container === undefined || container.released) return
    this.#table = withReleased(this.#table, id)
    this.#amRm?.release([id])
    // The ResourceManager's order reaches the node with its next heartbeat; this is quicker.
    this.#settings.nodeManagers
      .stop({ id, node: container.node })
      .catch((error: unknown) => this.#log.debug(`stop ${id}: ${String(error)}`))
    this.#ask()
  }

  discountWorker(id: ResourceId): void {
    this.#table = withDiscounted(this.#table, id)
    this.#ask()
  }

  resizeWorker(id: ResourceId, memory: number): boolean {
    const container = this.#table.held.get(id)
    if (container === undefined || container.released || container.discounted || this.#ending) return false
    const most = this.#registered?.maximum.memoryMb ?? 0
    const memoryMb = Math.min(Math.ceil(memory / MIB), most > 0 ? most : Infinity)
    if (memoryMb <= container.memoryMb) return false
    this.#amRm?.resize({ id, memoryMb, vcores: container.vcores })
    return true
  }

  setProgress(progress: number): void {
    if (progress === this.#progress) return
    this.#progress = progress
    this.#amRm?.setProgress(progress)
  }

  /** At most half of the cluster: where everything is blocked, nothing starts. */
  blockNodes(hosts: readonly string[]): void {
    this.#blockable = hosts
    const blocked = hosts.slice(0, Math.floor((this.#headroom?.clusterNodes ?? 0) / 2))
    if (blocked.join() === this.#blocked.join()) return
    this.#blocked = blocked
    this.#amRm?.setBlacklist(blocked)
  }

  describePending(): string {
    const lacking = missing(this.#table)
    if (lacking.length === 0) return ''
    const { shape, environment } = this.#settings
    const asked = lacking
      .map(({ slots, count, memoryMb: size }) => `${count} more of ${size ?? shape.memoryMb} MB and ${shape.vcores(slots)} vcores`)
      .join(', ')
    const since = this.#pendingSince === undefined ? 0 : environment.clock.monotonic() - this.#pendingSince
    const parts = [`YARN was asked for containers and has not given them for ${formatDuration(Math.round(since / 1000) * 1000)}: ${asked}`]
    if (this.#headroom !== undefined) {
      const { memoryMb, vcores, clusterNodes } = this.#headroom
      const vcoresCounted = this.#registered?.vcoresCounted === true
      parts.push(
        `queue '${this.#queueName()}' leaves this application room for ${memoryMb} MB${vcoresCounted ? ` and ${vcores} vcores` : ''} more; the cluster has ${clusterNodes} nodes`,
      )
      const limits = [
        ...(lacking.some(({ memoryMb: size }) => memoryMb < (size ?? shape.memoryMb)) ? ['memory'] : []),
        ...(vcoresCounted && lacking.some(({ slots }) => vcores < shape.vcores(slots)) ? ['vcores'] : []),
      ]
      if (limits.length > 0) parts.push(`the limit is the queue’s ${limits.join(' and ')}`)
    }
    if (this.#queue?.used !== undefined) parts.push(describeQueue(this.#queue))
    const maximum = this.#registered?.maximum
    if (maximum !== undefined && maximum.memoryMb > 0) parts.push(`the largest container has ${maximum.memoryMb} MB`)
    return parts.join('; ')
  }

  async finish(status: FinalStatus, diagnostics: string): Promise<boolean> {
    const { environment, nodeManagers } = this.#settings
    this.#ending = true
    this.#pendingTimer?.cancel()
    this.#table = { ...this.#table, wanted: [] }
    this.#amRm?.setAsks([], this.#table.sequence)
    const held = [...this.#table.held.values()].filter((container) => !container.released).map((container) => container.id)
    for (const id of held) this.#table = withReleased(this.#table, id)
    if (held.length > 0) this.#amRm?.release(held)
    const finished = new Promise<Counters | undefined>((resolve) => {
      this.#onFinished = resolve
      environment.timers.after(FINISH_TIMEOUT_MS, () => resolve(undefined), true)
    })
    this.#amRm?.finish({ status, diagnostics, trackingUrl: '' })
    const counters = await finished
    if (counters === undefined) this.#log.warn(`YARN did not take the leave of this application within ${FINISH_TIMEOUT_MS} ms.`)
    else this.#log.info(describeCounters(counters, this.#recovered, this.#endedByThemselves))
    nodeManagers.close()
    this.#amRm?.close()
    return counters !== undefined
  }

  #ask(): void {
    if (this.#ending) return
    const asks = asksOf(this.#table, this.#settings.shape)
    this.#amRm?.setAsks(asks, this.#table.sequence)
    this.#watchPending(asks.length > 0)
  }

  #watchPending(pending: boolean): void {
    const { environment } = this.#settings
    if (!pending) {
      this.#pendingTimer?.cancel()
      this.#pendingSince = this.#pendingTimer = undefined
      return
    }
    if (this.#pendingSince !== undefined) return
    this.#pendingSince = environment.clock.monotonic()
    const name = () => {
      this.#pendingTimer = environment.timers.after(NAME_PENDING_EVERY_MS, name, true)
      void this.#lookAtQueue().then(() => this.#pendingSince !== undefined && this.#log.warn(this.describePending()))
    }
    this.#pendingTimer = environment.timers.after(NAME_PENDING_AFTER_MS, name, true)
  }

  #onEvent(event: AmRmEvent): void {
    switch (event.type) {
      case 'registered':
        this.#registered = event
        // Not at once: a master that starts has other work.
        this.#queueReadAt = this.#settings.environment.clock.monotonic()
        this.#log.info(`${event.resynchronized ? 'Registered again' : 'Registered'} with the ResourceManager, queue ${event.queue}.`)
        this.#onRecovered(event.previousContainers)
        return this.#onRegistered?.()
      case 'allocated':
        return this.#onAllocated(event.containers, event.sequence)
      case 'recovered':
        return this.#onRecovered(event.containers)
      case 'completed':
        for (const container of event.containers) void this.#onCompleted(container)
        return
      case 'nmTokens':
        return this.#settings.nodeManagers.setTokens(event.tokens.map(({ node, token }) => ({ node, token: asBuffers(token) })))
      case 'headroom':
        this.#headroom = event
        if (this.#settings.environment.clock.monotonic() - this.#queueReadAt >= QUEUE_READ_EVERY_MS) void this.#lookAtQueue()
        return this.blockNodes(this.#blockable)
      case 'asksRejected': {
        for (const { priority, memoryMb, vcores } of event.asks)
          this.#listener?.unobtainable(new ContainersRefused({ memoryMb, vcores, reason: event.reason }), memoryOf(priority))
        return
      }
      case 'nodesUpdated':
        for (const node of event.nodes) this.#onNode(node)
        return
      case 'preemption':
        return this.#onPreemption(event)
      case 'resized':
        for (const container of event.containers) void this.#onResized(container)
        return
      case 'resizeRefused':
        return this.#listener?.resizeRefused(resourceId(event.id), event.reason)
      case 'priority':
        return this.#log.info(`The application has priority ${event.priority} in its queue now.`)
      case 'amRmToken':
        return
      case 'rmUnreachable':
        this.#log.warn(`The ResourceManager does not answer: ${event.reason}`)
        return
      case 'rmReachable':
        this.#log.info('The ResourceManager answers again.')
        return
      case 'rmLost':
        return this.#listener?.fatal(new ResourceManagerLost({ reason: event.reason }), true)
      case 'attemptOver':
        return this.#listener?.fatal(new AttemptOver({ reason: event.reason }), false)
      case 'finished':
        return this.#onFinished?.(event.counters)
      default:
        return unreachable(event)
    }
  }

  #queueName(): string {
    return this.#queue?.name ?? this.#registered?.queue ?? ''
  }

  async #lookAtQueue(): Promise<void> {
    if (this.#ending) return
    this.#queueReadAt = this.#settings.environment.clock.monotonic()
    const before = this.#queueName()
    this.#queue = await this.#settings.readQueue()
    // 'root.a' and 'a' are the same.
    if (before !== '' && this.#queue !== undefined && lastPart(this.#queue.name) !== lastPart(before))
      this.#log.info(`The application was moved from queue '${before}' to '${this.#queue.name}'. Its containers go on.`)
  }

  #onNode(update: NodeUpdate): void {
    const { node, state, healthReport } = update
    this.#log.info(`Node ${node.host}:${node.port} is ${state}${healthReport === '' ? '' : `: ${healthReport}`}`)
    const verdict = nodeVerdict(update)
    if (verdict.kind === 'leaving' && node.host === this.#settings.registration.host)
      this.#log.warn(
        'This JobManager runs on that host: when its node goes, YARN starts another attempt, and the jobs go on from their newest checkpoints.',
      )
    if (verdict.kind === 'usable') this.#listener?.nodeUsable(node.host)
    const resourceIds = containersOn(this.#table, node).map(({ id }) => resourceId(id))
    if (verdict.kind === 'usable' || resourceIds.length === 0 || this.#ending) return
    if (verdict.kind === 'gone') return this.#listener?.nodeLost(resourceIds, verdict.reason)
    this.#listener?.reclaimed({ resourceIds, anyOthers: 0, reason: verdict.reason, grace: verdict.grace, replaced: true })
  }

  #onPreemption(event: Extract<AmRmEvent, { type: 'preemption' }>): void {
    const { preemptionGrace, shape } = this.#settings
    const named = [...new Set([...event.strict, ...event.negotiable])].filter((id) => this.#table.held.get(id)?.released === false)
    // The message is repeated while containers are on their way out.
    const leaving = [...this.#table.held.values()].filter(({ released, discounted }) => discounted && !released).length
    const anyOthers = Math.max(0, unnamedContainers(event, shape.memoryMb) - leaving)
    if ((named.length === 0 && anyOthers === 0) || this.#ending) return
    this.#listener?.reclaimed({
      resourceIds: named.map(resourceId),
      anyOthers,
      reason: 'YARN wants the container back for another queue or application',
      grace: preemptionGrace,
      replaced: false,
    })
  }

  #onAllocated(containers: readonly AllocatedContainer[], sequence: number): void {
    this.#table = withContainers(this.#table, containers, sequence)
    for (const container of containers) {
      if (this.#ending) continue
      this.#log.info(`Container ${container.id} was granted on ${container.node.host}.`)
      this.#listener?.started(resourceId(container.id), container.node.host, slotsOf(container.priority), memoryOf(container.priority))
      void this.#startContainer(container)
    }
    this.#ask()
  }

  async #startContainer(container: AllocatedContainer): Promise<void> {
    const { nodeManagers, launchContext } = this.#settings
    try {
      const { id, node, token, priority } = container
      await nodeManagers.start({ id, node, token: asBuffers(token), context: launchContext(id, slotsOf(priority), memoryOf(priority)) })
    } catch (error) {
      this.#log.warn(`Container ${container.id} was not started`, error)
      const known = this.#table.held.has(container.id)
      this.#table = withReleased(this.#table, container.id)
      this.#amRm?.release([container.id])
      if (known) this.#listener?.terminated(resourceId(container.id), error instanceof Error ? error.message : String(error), 'failed')
      this.#ask()
    }
  }

  #onRecovered(containers: readonly AllocatedContainer[]): void {
    if (containers.length === 0) return
    this.#recovered += containers.length
    this.#table = withContainers(this.#table, containers)
    for (const { id, node, priority } of containers)
      this.#listener?.recovered(resourceId(id), node.host, slotsOf(priority), memoryOf(priority))
    this.#ask()
  }

  /** Only what the node knows is the container's: until then it may be killed for more. */
  async #onResized({ id, node, memoryMb, token }: AllocatedContainer): Promise<void> {
    try {
      await this.#settings.nodeManagers.update({ id, node }, asBuffers(token))
    } catch (error) {
      return this.#listener?.resizeRefused(resourceId(id), error instanceof Error ? error.message : String(error))
    }
    this.#table = withSize(this.#table, id, memoryMb)
    this.#listener?.resized(resourceId(id), memoryMb * MIB)
  }

  async #onCompleted(end: CompletedContainer): Promise<void> {
    const container = this.#table.held.get(end.id)
    if (container === undefined) return
    this.#table = withoutContainer(this.#table, end.id)
    if (!container.released) this.#endedByThemselves++
    this.#ask()
    const failed = !container.released && end.exitStatus !== 0
    const tail = failed ? await this.#settings.logTail(container.nodeHttpAddress, end.id).catch(() => undefined) : undefined
    const how = container.released ? 'taken-back' : endOf(end.exitStatus, end.exit)
    this.#listener?.terminated(resourceId(end.id), describeContainerEnd(end, tail), how)
  }
}

function lastPart(queue: string): string {
  return queue.slice(queue.lastIndexOf('.') + 1)
}

/** Structured clone between threads turns Buffers into plain Uint8Arrays. */
function asBuffers<T extends { readonly identifier: Uint8Array; readonly password: Uint8Array }>(token: T): T {
  return { ...token, identifier: Buffer.from(token.identifier), password: Buffer.from(token.password) }
}

/** The sum at the end: what was asked for was granted and given back. */
export function describeCounters(counters: Counters, recovered: number, endedByThemselves: number): string {
  const returned = counters.released + endedByThemselves - recovered
  const balance =
    counters.asked === counters.granted && counters.granted === returned ? 'asked = granted = released' : 'asked, granted, released differ'
  return (
    `Containers: asked ${counters.asked}, granted ${counters.granted}, released ${returned} (${balance}); ` +
    (recovered === 0 ? '' : `${recovered} of an earlier attempt were taken over and released too, `) +
    `${endedByThemselves} of them ended by themselves, ${counters.surplus} more than asked for came and were returned at once.`
  )
}
