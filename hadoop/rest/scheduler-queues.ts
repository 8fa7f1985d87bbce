/** The scheduler's queues as one flat list, whichever scheduler answers (capacity, fair, fifo). */
import * as z from '#core/zod.js'
import { oneOrMany, ResourceSchema, type ClusterResource } from './resource-manager-records.js'

export interface SchedulerReport {
  /** capacityScheduler, fairScheduler or fifoScheduler. */
  readonly type: string
  /** Root first. */
  readonly queues: readonly QueueReport[]
}

export interface QueueReport {
  /** Last part of the path: how capacity queues are named where that is unique. */
  readonly name: string
  readonly path: string
  readonly leaf: boolean
  /** Queues below it come into being by being named. */
  readonly createsQueues: boolean
  /** RUNNING, STOPPED or DRAINING; fair and fifo schedulers: RUNNING. */
  readonly state: string
  readonly used: ClusterResource | undefined
  /** What the queue may grow to. */
  readonly maximum: ClusterResource | undefined
  /** Largest container. */
  readonly maximumAllocation: ClusterResource | undefined
  readonly applicationMasterLimit: ClusterResource | undefined
  readonly applicationMasterUsed: ClusterResource | undefined
  readonly runningApplications: number | undefined
  readonly pendingApplications: number | undefined
  readonly maximumApplications: number | undefined
}

const optionalResource = ResourceSchema.nullish()
const optionalNumber = z.number().nullish()

const QueueSchema = z.object({
  type: z.string().nullish(),
  queueName: z.string().nullish(),
  queuePath: z.string().nullish(),
  state: z.string().nullish(),
  autoCreateChildQueueEnabled: z.boolean().nullish(),
  autoCreationEligibility: z.string().nullish(),
  queues: z.object({ queue: z.unknown() }).nullish(),
  childQueues: z.object({ queue: z.unknown() }).nullish(),
  resourcesUsed: optionalResource,
  maxEffectiveCapacity: optionalResource,
  maximumAllocation: optionalResource,
  AMResourceLimit: optionalResource,
  usedAMResource: optionalResource,
  numActiveApplications: optionalNumber,
  numPendingApplications: optionalNumber,
  maxApplications: optionalNumber,
  // fair scheduler
  usedResources: optionalResource,
  maxResources: optionalResource,
  maxContainerAllocation: optionalResource,
  AMMaxResources: optionalResource,
  AMUsedResources: optionalResource,
  numActiveApps: optionalNumber,
  numPendingApps: optionalNumber,
  maxApps: optionalNumber,
})

export const SchedulerAnswer = z.object({ scheduler: z.object({ schedulerInfo: z.looseObject({ type: z.string() }) }) })

const MAX_QUEUES = 100_000
const MAX_DEPTH = 50

/** `schedulerInfo`: checked by SchedulerAnswer. A fifo scheduler has the one queue `default`. */
export function readScheduler(schedulerInfo: { readonly type: string } & Readonly<Record<string, unknown>>): SchedulerReport {
  const { type } = schedulerInfo
  if (type === 'fifoScheduler') return { type, queues: [reportOf({ queueName: 'default' }, '', true)] }
  const queues: QueueReport[] = []
  // The fair scheduler wraps its root; the capacity scheduler is its own root.
  collect(schedulerInfo['rootQueue'] ?? schedulerInfo, '', 0, queues)
  return { type, queues }
}

/** By path, or by name where only one leaf is called so. */
export function findQueue(queues: readonly QueueReport[], asked: string): QueueReport | undefined {
  const exact = queues.find((queue) => queue.path === asked || queue.path === `root.${asked}`)
  if (exact !== undefined) return exact
  const named = queues.filter((queue) => queue.leaf && queue.name === asked)
  return named.length === 1 ? named[0] : undefined
}

function collect(value: unknown, parent: string, depth: number, into: QueueReport[]): void {
  const parsed = QueueSchema.safeParse(value)
  if (!parsed.success || into.length >= MAX_QUEUES || depth > MAX_DEPTH) return
  const queue = parsed.data
  const children = oneOrMany(z.unknown()).parse(queue.queues?.queue ?? queue.childQueues?.queue)
  const report = reportOf(queue, parent, children.length === 0)
  into.push(report)
  for (const child of children) collect(child, report.path, depth + 1, into)
}

function reportOf(queue: Partial<z.infer<typeof QueueSchema>>, parent: string, leaf: boolean): QueueReport {
  const given = queue.queueName ?? 'root'
  // The fair scheduler's names are whole paths.
  const path = queue.queuePath ?? (parent === '' || given.startsWith(`${parent}.`) ? given : `${parent}.${given}`)
  return {
    name: path.slice(path.lastIndexOf('.') + 1),
    path,
    leaf,
    createsQueues: queue.autoCreateChildQueueEnabled === true || (queue.autoCreationEligibility ?? 'off') !== 'off',
    state: queue.state ?? 'RUNNING',
    used: queue.resourcesUsed ?? queue.usedResources ?? undefined,
    maximum: queue.maxEffectiveCapacity ?? queue.maxResources ?? undefined,
    maximumAllocation: queue.maximumAllocation ?? queue.maxContainerAllocation ?? undefined,
    applicationMasterLimit: queue.AMResourceLimit ?? queue.AMMaxResources ?? undefined,
    applicationMasterUsed: queue.usedAMResource ?? queue.AMUsedResources ?? undefined,
    runningApplications: queue.numActiveApplications ?? queue.numActiveApps ?? undefined,
    pendingApplications: queue.numPendingApplications ?? queue.numPendingApps ?? undefined,
    maximumApplications: queue.maxApplications ?? queue.maxApps ?? undefined,
  }
}
