/** The cluster and its TaskManagers as Flink's REST API shows them. */
import type { ClusterOverview, ResourceProfile, TaskManagerSummary } from '#core/rest/responses.js'
import { isTerminalExecutionState } from '#core/graph/states.js'
import { memoryBudget } from '#core/cluster/memory-budget.js'
import type { JobId, ResourceId } from '#core/ids/ids.js'
import { executions } from '../../jobmaster/executiongraph/execution-graph.js'
import type { Job } from '../../jobmaster/job-master.js'
import type { WorkerView } from '../../resourcemanager/resource-manager.js'
import { WEFT_REVISION, WEFT_VERSION } from '../version.js'

const MIB = 1024 * 1024

export function clusterOverview(workers: readonly WorkerView[], jobs: readonly Job[]): ClusterOverview {
  const slots = workers.reduce((sum, worker) => sum + worker.slots.length, 0)
  const used = workers.reduce((sum, worker) => sum + worker.allocations.length, 0)
  const inState = (matches: (state: string) => boolean) => jobs.filter((job) => matches(job.state)).length
  const finished = inState((state) => state === 'FINISHED')
  const canceled = inState((state) => state === 'CANCELED')
  const failed = inState((state) => state === 'FAILED')
  return {
    taskmanagers: workers.length,
    'slots-total': slots,
    'slots-available': slots - used,
    'jobs-running': jobs.length - finished - canceled - failed,
    'jobs-finished': finished,
    'jobs-cancelled': canceled,
    'jobs-failed': failed,
    'flink-version': WEFT_VERSION,
    'flink-commit': WEFT_REVISION,
  }
}

export function taskManagerSummary(worker: WorkerView, jobs: readonly Job[], managedFraction: number): TaskManagerSummary {
  const free = worker.slots.length - worker.allocations.length
  return {
    id: worker.resourceId,
    path: `${worker.host}/${worker.pid}`,
    dataPort: worker.slots[0]?.dataPort ?? -1,
    jmxPort: -1,
    timeSinceLastHeartbeat: worker.lastHeartbeat,
    slotsNumber: worker.slots.length,
    freeSlots: free,
    assignedTasks: assignedTasks(worker.resourceId, jobs, undefined),
    totalResource: slotResource(worker, worker.slots.length, managedFraction),
    freeResource: slotResource(worker, free, managedFraction),
    hardware: worker.hardware,
    memoryConfiguration: memoryConfiguration(worker, managedFraction),
  }
}

/** What GET /taskmanagers/:id adds. */
export function taskManagerDetails(worker: WorkerView, jobs: readonly Job[], managedFraction: number) {
  return {
    ...taskManagerSummary(worker, jobs, managedFraction),
    allocatedSlots: worker.allocations.map(({ jobId }) => ({
      jobId,
      resource: slotResource(worker, 1, managedFraction),
      assignedTasks: assignedTasks(worker.resourceId, jobs, jobId),
    })),
    // Bytes. heap…: what the process holds in memory (one figure for the JVM's many); direct: array buffers outside V8's heaps, of which
    // managed is operators' state; stateSpilled: written to local disk beyond that, so far. -1 is Flink's "not known".
    metrics: {
      heapUsed: worker.residentSetBytes,
      heapCommitted: worker.residentSetBytes,
      heapMax: worker.processMemory > 0 ? worker.processMemory : -1,
      garbageCollectors: [],
      directUsed: worker.memory?.arrayBuffers ?? -1,
      managedUsed: worker.memory?.stateBytes ?? -1,
      managedTotal: worker.hardware.managedMemory,
      stateSpilled: worker.memory?.spilledBytes ?? -1,
    },
  }
}

function assignedTasks(resourceId: ResourceId, jobs: readonly Job[], jobId: JobId | undefined): number {
  let count = 0
  for (const job of jobs) {
    if (jobId !== undefined && job.jobId !== jobId) continue
    for (const execution of executions(job.run.graph)) {
      if (execution.slot?.location.resourceId === resourceId && !isTerminalExecutionState(execution.state)) count++
    }
  }
  return count
}

/** In MiB, as Flink. A worker without a memory limit (local) shows no budgets. */
function slotResource(worker: WorkerView, slots: number, managedFraction: number): ResourceProfile {
  const cpuCores = slots
  if (worker.processMemory === 0)
    return { cpuCores, taskHeapMemory: 0, taskOffHeapMemory: 0, managedMemory: 0, networkMemory: 0, extendedResources: {} }
  const budget = memoryBudget(worker.processMemory, worker.slots.length, managedFraction)
  return {
    cpuCores,
    taskHeapMemory: budget.slotHeapMb * slots,
    taskOffHeapMemory: 0,
    managedMemory: Math.floor(budget.slotManagedBytes / MIB) * slots,
    networkMemory: Math.floor(budget.slotNetworkBytes / MIB) * slots,
    extendedResources: {},
  }
}

function memoryConfiguration(worker: WorkerView, managedFraction: number): Record<string, number> {
  if (worker.processMemory === 0) return { totalProcessMemory: 0 }
  const slots = worker.slots.length
  const budget = memoryBudget(worker.processMemory, slots, managedFraction)
  // Managed memory as the worker itself set it (taskmanager.memory.managed.size); what is not managed is its threads' heaps.
  const { managedMemory } = worker.hardware
  const rest = {
    frameworkHeap: budget.mainHeapMb * MIB,
    taskHeap: (budget.slotHeapMb * MIB + budget.slotManagedBytes) * slots - managedMemory,
    networkMemory: budget.slotNetworkBytes * slots,
    managedMemory,
  }
  return {
    ...rest,
    totalFlinkMemory: rest.frameworkHeap + rest.taskHeap + rest.networkMemory + managedMemory,
    // In a Node process: the binary, its libraries and threads; what stays free for the allocator and the collector.
    jvmMetaspace: budget.runtimeBytes,
    jvmOverhead: budget.slackBytes,
    totalProcessMemory: worker.processMemory,
  }
}
