/** What can be known to fail before anything is uploaded. Pure: the cluster's answers in, an error or warnings out. */
import { memoryBudget, minimumProcessBytes } from '#core/cluster/memory-budget.js'
import type { Configuration } from '#core/config/configuration.js'
import { nearest } from '#core/config/nearest.js'
import { TASK_SLOTS } from '#core/config/options/cluster.js'
import { PARALLELISM } from '#core/config/options/execution.js'
import {
  JOBMANAGER_PROCESS_SIZE,
  MANAGED_MEMORY_SIZE,
  TASKMANAGER_MAX_PROCESS_SIZE,
  TASKMANAGER_PROCESS_SIZE,
} from '#core/config/options/memory.js'
import {
  YARN_APPLICATION_QUEUE,
  YARN_APPLICATION_TYPE,
  YARN_APPMASTER_VCORES,
  YARN_CONTAINER_VCORES,
  YARN_TAGS,
} from '#core/config/options/yarn.js'
import { formatMemorySize } from '#core/config/units.js'
import type { ClusterResource, QueueAccess } from '#hadoop/rest/resource-manager-records.js'
import { findQueue, type QueueReport, type SchedulerReport } from '#hadoop/rest/scheduler-queues.js'
import { ContainerTooLarge, ContainerTooSmall, QueueNotUsable, SubmissionOptionInvalid, UnknownQueue } from './errors.js'

const MIB = 1024 * 1024
const MAX_TYPE_LENGTH = 20
const MAX_LISTED_QUEUES = 20
/** The master has no slots; what it needs beyond the runtime is about one slot's share. */
const MASTER_SLOTS = 1

export interface ContainerAsk {
  readonly what: 'The JobManager' | 'A TaskManager'
  readonly memoryMb: number
  readonly vcores: number
  readonly memoryOption: string
  readonly vcoresOption: string
}

export interface ClusterFacts {
  readonly scheduler: SchedulerReport
  /** Largest container, of the cluster. */
  readonly maximum: ClusterResource
  /** Undefined where the ResourceManager does not tell. */
  readonly access: QueueAccess | undefined
}

export interface Preflight {
  readonly queue: string
  readonly master: ContainerAsk
  readonly worker: ContainerAsk
  readonly warnings: readonly string[]
}

/** `root.a.b` and `a.b` are the same; YARN's default is `default`. */
export function queueOf(configuration: Configuration): string {
  return configuration.get(YARN_APPLICATION_QUEUE) ?? 'default'
}

export function containerAsks(configuration: Configuration): { master: ContainerAsk; worker: ContainerAsk } {
  const slots = configuration.get(TASK_SLOTS)
  const vcores = configuration.get(YARN_CONTAINER_VCORES)
  return {
    master: {
      what: 'The JobManager',
      memoryMb: Math.ceil(configuration.get(JOBMANAGER_PROCESS_SIZE) / MIB),
      vcores: configuration.get(YARN_APPMASTER_VCORES),
      memoryOption: JOBMANAGER_PROCESS_SIZE.key,
      vcoresOption: YARN_APPMASTER_VCORES.key,
    },
    worker: {
      what: 'A TaskManager',
      memoryMb: Math.ceil(configuration.get(TASKMANAGER_PROCESS_SIZE) / MIB),
      vcores: vcores <= 0 ? slots : vcores,
      memoryOption: TASKMANAGER_PROCESS_SIZE.key,
      vcoresOption: vcores <= 0 ? TASK_SLOTS.key : YARN_CONTAINER_VCORES.key,
    },
  }
}

/**
 * @throws YARN_UNKNOWN_QUEUE, YARN_QUEUE_NOT_USABLE, YARN_CONTAINER_TOO_LARGE, YARN_CONTAINER_TOO_SMALL,
 *   YARN_SUBMISSION_OPTION_INVALID
 */
export function checkSubmission(configuration: Configuration, facts: ClusterFacts, user: string): Preflight {
  checkNames(configuration)
  const { master, worker } = containerAsks(configuration)
  checkMinimum(master, MASTER_SLOTS)
  checkMinimum(worker, configuration.get(TASK_SLOTS))
  checkManagedMemory(configuration, worker.memoryMb * MIB)
  checkLargestWorker(configuration)
  const asked = queueOf(configuration)
  const queue = checkQueue(facts.scheduler, asked)
  if (facts.access?.allowed === false) {
    throw new QueueNotUsable({
      queue: asked,
      reason: facts.access.diagnostics === '' ? `user ${user} may not submit to it` : facts.access.diagnostics,
    })
  }
  for (const ask of [master, worker]) checkMaximum(ask, facts.maximum, queue)
  return { queue: asked, master, worker, warnings: capacityWarnings(configuration, master, worker, queue) }
}

function checkManagedMemory(configuration: Configuration, processBytes: number): void {
  const managed = configuration.get(MANAGED_MEMORY_SIZE)
  const slots = configuration.get(TASK_SLOTS)
  const most = memoryBudget(processBytes, slots, 1).slotManagedBytes * slots
  if (managed !== undefined && managed > most) {
    throw new SubmissionOptionInvalid({
      option: MANAGED_MEMORY_SIZE.key,
      value: formatMemorySize(managed),
      reason: `a TaskManager of ${formatMemorySize(processBytes)} has room for ${Math.floor(most / MIB)} mb beside its own needs; raise ${TASKMANAGER_PROCESS_SIZE.key}`,
    })
  }
}

function checkLargestWorker(configuration: Configuration): void {
  const most = configuration.get(TASKMANAGER_MAX_PROCESS_SIZE)
  if (most === undefined || most >= configuration.get(TASKMANAGER_PROCESS_SIZE)) return
  throw new SubmissionOptionInvalid({
    option: TASKMANAGER_MAX_PROCESS_SIZE.key,
    value: formatMemorySize(most),
    reason: `a TaskManager starts with ${formatMemorySize(configuration.get(TASKMANAGER_PROCESS_SIZE))} (${TASKMANAGER_PROCESS_SIZE.key}) and only grows`,
  })
}

function checkNames(configuration: Configuration): void {
  const type = configuration.get(YARN_APPLICATION_TYPE)
  // YARN would cut it silently, and the application would not be found by it.
  if (type.length === 0 || type.length > MAX_TYPE_LENGTH) {
    throw new SubmissionOptionInvalid({
      option: YARN_APPLICATION_TYPE.key,
      value: type,
      reason: `an application type has 1 to ${MAX_TYPE_LENGTH} characters`,
    })
  }
  for (const tag of configuration.get(YARN_TAGS)) {
    if (!/^[\x20-\x7e]+$/.test(tag))
      throw new SubmissionOptionInvalid({ option: YARN_TAGS.key, value: tag, reason: 'a tag has ASCII characters only' })
  }
}

/** The queue, or undefined where it may come into being when it is named. */
function checkQueue(scheduler: SchedulerReport, asked: string): QueueReport | undefined {
  const found = findQueue(scheduler.queues, asked)
  if (found === undefined) {
    // The fair scheduler makes pools on demand by default, a capacity queue may be set up to do so.
    if (scheduler.type !== 'capacityScheduler' || scheduler.queues.some((queue) => queue.createsQueues)) return undefined
    const leaves = scheduler.queues.filter((queue) => queue.leaf).map((queue) => queue.name)
    const listed =
      leaves.slice(0, MAX_LISTED_QUEUES).join(', ') + (leaves.length > MAX_LISTED_QUEUES ? `, … (${leaves.length} in all)` : '')
    throw new UnknownQueue({ queue: asked, known: listed, nearest: nearest(asked, leaves) ?? null })
  }
  if (!found.leaf && !found.createsQueues) {
    const below = scheduler.queues.filter((queue) => queue.path.startsWith(`${found.path}.`) && queue.leaf).map((queue) => queue.name)
    throw new QueueNotUsable({ queue: asked, reason: `it only holds other queues (${below.slice(0, MAX_LISTED_QUEUES).join(', ')})` })
  }
  if (found.state !== 'RUNNING') throw new QueueNotUsable({ queue: asked, reason: `its state is ${found.state}` })
  return found
}

function checkMinimum(ask: ContainerAsk, slots: number): void {
  const needed = Math.ceil(minimumProcessBytes(slots) / MIB)
  if (ask.memoryMb < needed)
    throw new ContainerTooSmall({ what: ask.what, option: ask.memoryOption, asked: `${ask.memoryMb} MB`, needed: `${needed} MB` })
}

function checkMaximum(ask: ContainerAsk, cluster: ClusterResource, queue: QueueReport | undefined): void {
  const limits = [
    { limit: cluster, from: (key: string) => `yarn.scheduler.maximum-allocation-${key}` },
    ...(queue?.maximumAllocation === undefined
      ? []
      : [{ limit: queue.maximumAllocation, from: (key: string) => `maximum-allocation-${key} of queue ${queue.name}` }]),
  ]
  for (const { limit, from } of limits) {
    if (ask.memoryMb > limit.memory) {
      throw new ContainerTooLarge({
        what: ask.what,
        option: ask.memoryOption,
        asked: `${ask.memoryMb} MB`,
        limit: `${limit.memory} MB`,
        from: from('mb'),
      })
    }
    if (ask.vcores > limit.vCores) {
      throw new ContainerTooLarge({
        what: ask.what,
        option: ask.vcoresOption,
        asked: `${ask.vcores} vcores`,
        limit: `${limit.vCores} vcores`,
        from: from('vcores'),
      })
    }
  }
}

/** A queue that can never hold all that the default parallelism asks for. The job may still run, with less. */
function capacityWarnings(
  configuration: Configuration,
  master: ContainerAsk,
  worker: ContainerAsk,
  queue: QueueReport | undefined,
): string[] {
  const maximum = queue?.maximum
  if (queue === undefined || maximum === undefined || maximum.memory <= 0) return []
  const workers = Math.ceil(configuration.get(PARALLELISM) / configuration.get(TASK_SLOTS))
  const byMemory = Math.floor((maximum.memory - master.memoryMb) / worker.memoryMb)
  const byVcores = maximum.vCores <= 0 ? byMemory : Math.floor((maximum.vCores - master.vcores) / worker.vcores)
  if (workers <= Math.min(byMemory, byVcores)) return []
  const limit = byMemory <= byVcores ? `${maximum.memory} MB` : `${maximum.vCores} vcores`
  return [
    `Parallelism ${configuration.get(PARALLELISM)} wants ${workers} TaskManagers of ${worker.memoryMb} MB and ${worker.vcores} vcores; ` +
      `queue ${queue.name} can grow to ${limit}, enough for ${Math.max(0, Math.min(byMemory, byVcores))}.`,
  ]
}
