/** A TaskExecutor that a test scripts: registers with a ResourceManager over a channel in memory and notes what it is told. */
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { ListState } from '#core/checkpoint/state-handles.js'
import type { SubmittedTask } from '#core/rpc/gateways/blob.js'
import type { ExecutionState } from '#core/graph/states.js'
import type { ExecutionAttemptId, JobId, OperatorId, ResourceId } from '#core/ids/ids.js'
import { toWireError } from '#core/errors/wire-error.js'
import type { Channel } from '#core/rpc/channel.js'
import type { Gateway } from '#core/rpc/gateway.js'
import {
  JobMasterGateway,
  ResourceManagerGateway,
  TaskExecutorGateway,
  type ReportedTask,
  type SlotReport,
} from '#core/rpc/gateways/task-executor.js'
import { RpcConnection, RpcEndpoints } from '#core/rpc/rpc-connection.js'
import type { Environment } from '#core/time/environment.js'
import { JOB, SINK_OPERATOR } from './job-graphs.js'

/** Two ends of a channel in memory; messages arrive in a later turn, as JSON. */
export function channelPair(name: string): [Channel, Channel] {
  const ends: { listener?: (message: unknown) => void; closed: ((reason?: Error) => void)[]; open: boolean }[] = [
    { closed: [], open: true },
    { closed: [], open: true },
  ]
  const end = (mine: 0 | 1): Channel => ({
    peer: name,
    send(message) {
      const text = JSON.stringify(message)
      queueMicrotask(() => ends[1 - mine]?.open === true && ends[1 - mine]?.listener?.(JSON.parse(text)))
    },
    onMessage: (listener) => void ((ends[mine] as (typeof ends)[number]).listener = listener),
    onClose: (listener) => void ends[mine]?.closed.push(listener),
    close() {
      for (const each of ends) {
        if (!each.open) continue
        each.open = false
        for (const listener of each.closed) listener(new Error('reset'))
      }
    },
  })
  return [end(0), end(1)]
}

export class ScriptedWorker {
  readonly resourceId: ResourceId
  readonly tasks: SubmittedTask[] = []
  readonly prepared: SubmittedTask[] = []
  readonly cancelled: ExecutionAttemptId[] = []
  readonly freed: string[] = []
  readonly barriers: { readonly executionAttemptId: ExecutionAttemptId; readonly barrier: CheckpointBarrier }[] = []
  /** `complete 3`, `given up 4`, each with the number of tasks that were told. */
  readonly concluded: string[] = []
  /** As it is told of tasks of an earlier master that go on; and which of these run. */
  readonly adopted: { readonly jobId: JobId; readonly executionAttemptIds: readonly ExecutionAttemptId[]; readonly checkpointId: number | null; readonly upTo: number }[] = [] // prettier-ignore
  stillRuns: (attemptId: ExecutionAttemptId) => boolean = () => true
  /** Told of every task. */
  onTask: (task: SubmittedTask) => void = () => undefined
  processMemory = 256 * 1024 * 1024
  shutdownReason: string | undefined
  epoch = 0
  readonly #connection: RpcConnection
  readonly #slots: number

  constructor(name: string, slots: number, endpoints: RpcEndpoints, environment: Environment) {
    this.resourceId = name as ResourceId
    this.#slots = slots
    const [master, mine] = channelPair(name)
    void new RpcConnection(master, endpoints, environment)
    const own = new RpcEndpoints()
    own.serve('taskexecutor', TaskExecutorGateway, {
      allocateSlot: () => ({}),
      freeSlot: ({ allocationId }) => {
        this.freed.push(allocationId)
        return {}
      },
      submitTask: (task) => {
        this.tasks.push(task)
        this.onTask(task)
        return {}
      },
      prepareTask: (task) => {
        this.prepared.push(task)
        return {}
      },
      triggerCheckpoint: (trigger) => {
        this.barriers.push(trigger)
        return {}
      },
      concludeCheckpoint: ({ executionAttemptIds, checkpointId, complete }) => {
        this.concluded.push(`${complete ? 'complete' : 'given up'} ${checkpointId}: ${executionAttemptIds.length}`)
        return {}
      },
      adoptTasks: (adoption) => {
        this.adopted.push(adoption)
        return { running: adoption.executionAttemptIds.filter((id) => this.stillRuns(id)), ended: [] }
      },
      cancelTask: ({ executionAttemptId }) => {
        this.cancelled.push(executionAttemptId)
        return {}
      },
      resize: ({ processMemory }) => {
        this.processMemory = processMemory
        return {}
      },
      shutdown: ({ reason }) => {
        this.shutdownReason = reason
        return {}
      },
    })
    this.#connection = new RpcConnection(mine, own, environment)
  }

  async register(slotReport: SlotReport = [], tasks: readonly ReportedTask[] = []): Promise<void> {
    const answer = await this.#connection.gateway(ResourceManagerGateway, 'resourcemanager').registerTaskExecutor({
      resourceId: this.resourceId,
      host: `host-of-${this.resourceId}`,
      pid: 1,
      slots: Array.from({ length: this.#slots }, (_, slotIndex) => ({ slotIndex, dataPort: 40_000 + slotIndex })),
      slotReport,
      tasks: [...tasks],
      hardware: { cpuCores: 2, physicalMemory: 8e9, freeMemory: 4e9, managedMemory: 0 },
      processMemory: this.processMemory,
    })
    this.epoch = answer.epoch
  }

  jobMaster(epoch = this.epoch, jobId = JOB): Gateway<typeof JobMasterGateway> {
    return this.#connection.gateway(JobMasterGateway, `jobmaster/${jobId}`, epoch)
  }

  async report(task: SubmittedTask, state: ExecutionState, error?: Error): Promise<void> {
    const { executionAttemptId } = task
    await this.jobMaster(this.epoch, task.jobId).updateTaskExecutionState({
      executionAttemptId,
      state,
      ...(error === undefined ? {} : { error: toWireError(error) }),
    })
  }

  async finish(task: SubmittedTask, committables: readonly { operatorId: OperatorId; committable: unknown }[] = []): Promise<void> {
    await this.jobMaster(this.epoch, task.jobId).updateTaskExecutionState({
      executionAttemptId: task.executionAttemptId,
      state: 'FINISHED',
      committables: [...committables],
    })
  }

  /** The subtask's snapshot is stored: of its first operator these lists, and what its sink prepared. */
  async acknowledge(
    task: SubmittedTask,
    checkpointId: number,
    committables: readonly unknown[] = [],
    lists: Record<string, ListState> = {},
  ): Promise<void> {
    const operatorId = Array.isArray(task.operators) ? (task.operators[0]?.id ?? SINK_OPERATOR) : SINK_OPERATOR
    await this.jobMaster().acknowledgeCheckpoint({
      executionAttemptId: task.executionAttemptId,
      checkpointId,
      state: { operators: [{ operatorId, lists, committables: [...committables] }] },
      metrics: {
        stateSize: 0,
        checkpointedSize: 0,
        syncDurationMs: 0,
        asyncDurationMs: 0,
        alignmentDurationMs: 0,
        startDelayMs: 0,
        processedBytes: 0,
        persistedBytes: 0,
        unaligned: false,
      },
    })
  }

  async decline(task: SubmittedTask, checkpointId: number, error: Error): Promise<void> {
    await this.jobMaster().declineCheckpoint({ executionAttemptId: task.executionAttemptId, checkpointId, error: toWireError(error) })
  }

  /** A heartbeat that tells of its memory, in MB; its slots are as they were. */
  async beat(residentMb: number, spilledMb = 0): Promise<void> {
    const bytes = (mb: number) => mb * 1024 * 1024
    await this.#connection.gateway(ResourceManagerGateway, 'resourcemanager', this.epoch).heartbeat({
      resourceId: this.resourceId,
      slotReport: [],
      residentSetBytes: bytes(residentMb),
      memory: { heapUsed: 0, arrayBuffers: 0, stateBytes: 0, spilledBytes: bytes(spilledMb) },
      tasks: [],
    })
  }

  /** The connection breaks. */
  break(): void {
    this.#connection.close()
  }
}
