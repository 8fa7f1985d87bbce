/** A TaskManager as cheap as can be: says to the master what a real one says, and runs nothing. */
import { ResourceManagerGateway, JobMasterGateway, TaskExecutorGateway } from '#core/rpc/gateways/task-executor.js'
import type { SubmittedTask } from '#core/rpc/gateways/blob.js'
import type { Gateway } from '#core/rpc/gateway.js'
import { RpcConnection, RpcEndpoints } from '#core/rpc/rpc-connection.js'
import type { AllocationId, ExecutionAttemptId, JobId, ResourceId } from '#core/ids/ids.js'
import { SimProcess, type Kernel } from './kernel.js'
import type { Network } from './network.js'

/** Its tasks are RUNNING so long after they were deployed: virtual ms. */
const STARTING_TAKES: readonly [number, number] = [50, 400]
const CALL_TIMEOUT_MS = 60_000

export interface Figures {
  registered: number
  running: number
  /** Of all workers. */
  heartbeats: number
}

/** Counters as a busy task has them: long numbers, rates, a watermark. */
function metrics(task: number) {
  return {
    recordsIn: 123_456_789 + task,
    recordsOut: 123_456_001 + task,
    bytesIn: 9_876_543_210 + task,
    bytesOut: 8_765_432_109 + task,
    busyMs: 1_234_567,
    idleMs: 2_345_678,
    backPressuredMs: 34_567,
    watermark: 1_700_000_000_000 + task,
    lateRecordsDropped: 0,
  }
}

export class ScaleWorker {
  readonly #process: SimProcess
  readonly #id: ResourceId
  readonly #slots: { allocationId: AllocationId | null; jobId: JobId | null }[]
  readonly #tasks: ExecutionAttemptId[] = []
  readonly #figures: Figures

  constructor(id: string, host: string, slots: number, kernel: Kernel, figures: Figures) {
    this.#id = id as ResourceId
    this.#process = new SimProcess(kernel, id, host)
    this.#slots = Array.from({ length: slots }, () => ({ allocationId: null, jobId: null }))
    this.#figures = figures
  }

  async run(network: Network, master: { readonly host: string; readonly port: number }): Promise<void> {
    const process = this.#process
    const { environment } = process
    const channel = await network.connect(process, master.host, master.port)
    let epoch = 0
    const endpoints = new RpcEndpoints()
    const connection = new RpcConnection(channel, endpoints, environment)
    const jobMaster = (jobId: JobId) => connection.gateway(JobMasterGateway, `jobmaster/${jobId}`, epoch, CALL_TIMEOUT_MS)
    endpoints.serve('taskexecutor', TaskExecutorGateway, {
      allocateSlot: ({ slotIndex, allocationId, jobId }) => {
        this.#slots[slotIndex] = { allocationId, jobId }
        return {}
      },
      freeSlot: () => ({}),
      adoptTasks: () => ({ running: [], ended: [] }),
      submitTask: (task) => {
        void this.#start(task, jobMaster(task.jobId))
        return {}
      },
      prepareTask: () => ({}),
      triggerCheckpoint: () => ({}),
      concludeCheckpoint: () => ({}),
      cancelTask: () => ({}),
      resize: () => ({}),
      shutdown: () => ({}),
    })
    const resourceManager = connection.gateway(ResourceManagerGateway, 'resourcemanager', undefined, CALL_TIMEOUT_MS)
    const answer = await resourceManager.registerTaskExecutor({
      resourceId: this.#id,
      host: process.host,
      pid: 1,
      slots: this.#slots.map((_, slotIndex) => ({ slotIndex, dataPort: 40_000 + slotIndex })),
      slotReport: this.#report(),
      hardware: { cpuCores: 4, physicalMemory: 16e9, freeMemory: 8e9, managedMemory: 1e9 },
      processMemory: 4e9,
    })
    epoch = answer.epoch
    this.#figures.registered++
    const fenced = connection.gateway(ResourceManagerGateway, 'resourcemanager', epoch, CALL_TIMEOUT_MS)
    for (;;) {
      await process.wait(answer.heartbeatIntervalMs)
      await fenced.heartbeat({
        resourceId: this.#id,
        slotReport: this.#report(),
        residentSetBytes: 1e9,
        memory: { heapUsed: 1e8, arrayBuffers: 1e7, stateBytes: 1e6, spilledBytes: 0 },
        tasks: this.#tasks.map((executionAttemptId, task) => ({ executionAttemptId, metrics: metrics(task) })),
      })
      this.#figures.heartbeats++
    }
  }

  #report() {
    return this.#slots.map((slot, slotIndex) => ({ slotIndex, ...slot }))
  }

  async #start({ executionAttemptId }: SubmittedTask, jobMaster: Gateway<typeof JobMasterGateway>): Promise<void> {
    const process = this.#process
    const { dice } = process
    await process.wait(dice.between(1, 10))
    await jobMaster.updateTaskExecutionState({ executionAttemptId, state: 'INITIALIZING' })
    await process.wait(dice.between(...STARTING_TAKES))
    await jobMaster.updateTaskExecutionState({ executionAttemptId, state: 'RUNNING', metrics: metrics(0) })
    this.#tasks.push(executionAttemptId)
    this.#figures.running++
  }
}
