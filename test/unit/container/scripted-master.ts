/**
 * A master that does what a test says: takes registrations and heartbeats, notes every state, answers the coordinators' requests. It
 * starts TaskExecutors as the local mode does, in its own thread, or such that reach it over TLS.
 */
import { randomBytes } from 'node:crypto'
import type { WorkerDescriptor } from '#core/cluster/worker-descriptor.js'
import type { SubtaskCheckpointMetrics, SubtaskState } from '#core/checkpoint/state-handles.js'
import type { WireError } from '#core/errors/wire-error.js'
import type { AllocationId, ExecutionAttemptId, JobId, ResourceId } from '#core/ids/ids.js'
import type { CollectedRow } from '#core/rpc/operator-events.js'
import type { Channel } from '#core/rpc/channel.js'
import type { Gateway, GatewayHandlers } from '#core/rpc/gateway.js'
import { BlobGateway } from '#core/rpc/gateways/blob.js'
import { JobMasterGateway, ResourceManagerGateway, TaskExecutorGateway } from '#core/rpc/gateways/task-executor.js'
import type { TaskMetrics } from '#core/rpc/gateways/task-metrics.js'
import { channelPair } from '#core/rpc/channel-pair.js'
import { RpcConnection, RpcEndpoints } from '#core/rpc/rpc-connection.js'
import { connectTls, listenTls, type TlsListener } from '#core/rpc/tls-channel.js'
import { systemEnvironment } from '#core/time/environment.js'
import { BlobServer } from '#am/blob/blob-server.js'
import { MasterLost } from '#container/taskexecutor/errors.js'
import { TaskExecutor, type TaskExecutorOptions } from '#container/taskexecutor/task-executor.js'

export const JOB = '0123456789abcdef0123456789abcdef' as JobId

type Registration = Parameters<GatewayHandlers<typeof ResourceManagerGateway>['registerTaskExecutor']>[0]

export interface Registered {
  readonly resourceId: ResourceId
  readonly host: string
  readonly slots: readonly { slotIndex: number; dataPort: number }[]
  readonly gateway: Gateway<typeof TaskExecutorGateway>
  readonly connection: RpcConnection
}

export interface StateUpdate {
  readonly executionAttemptId: ExecutionAttemptId
  readonly state: string
  readonly error?: WireError | undefined
  readonly metrics?: TaskMetrics | undefined
  readonly committables?: readonly { operatorId: string; committable: unknown }[] | undefined
}

export interface Acknowledgement {
  readonly executionAttemptId: ExecutionAttemptId
  readonly checkpointId: number
  readonly state: SubtaskState
  readonly metrics: SubtaskCheckpointMetrics
}

export interface TestWorker {
  readonly registered: Promise<Registered>
  /** 0, or 1 when it ended with an error. */
  readonly ended: Promise<number>
  readonly output: string[]
  /** Ends its slots' threads without a word. */
  kill(): void
}

export class ScriptedMaster {
  epoch = 7
  /** There is a master. */
  leads = true
  readonly registrations: Registration[] = []
  heartbeatIntervalMs = 10_000
  readonly updates: StateUpdate[] = []
  readonly rows: CollectedRow[] = []
  readonly acknowledged: Acknowledgement[] = []
  readonly declined: { readonly executionAttemptId: ExecutionAttemptId; readonly checkpointId: number; readonly error: WireError }[] = []
  onAcknowledge: (acknowledgement: Acknowledgement) => Record<string, never> = () => ({})
  readonly metrics = new Map<ExecutionAttemptId, TaskMetrics>()
  heartbeats = 0
  readonly blobs = new BlobServer()
  /** Requests for pieces of blobs, in order: key and offset. */
  readonly blobRequests: [key: string, offset: number][] = []
  readonly keepRows = async (event: { type: string; rows?: CollectedRow[] }): Promise<unknown> => {
    this.rows.push(...(event.rows ?? []))
    return {}
  }
  /** The answer to operators' requests. */
  onOperatorRequest: (event: { type: string; rows?: CollectedRow[] }) => Promise<unknown> = this.keepRows
  /** Called before an update is acknowledged. */
  onUpdate: (update: StateUpdate) => void = () => undefined
  secret = randomBytes(32)
  readonly #workers = new Map<string, { resolve(registered: Registered): void }>()
  readonly #connections: RpcConnection[] = []
  #listener: Promise<TlsListener> | undefined
  #waiting: (() => void)[] = []

  /** A TaskManager as the local mode has it: in this thread. */
  startEmbedded(slots: number, configuration: Record<string, string> = {}, processMemory = 0): TestWorker {
    const { descriptor, registered } = this.#descriptor({ kind: 'thread' }, slots, configuration, processMemory)
    const [here, there] = channelPair('the master', descriptor.resourceId)
    this.#accept(here)
    const channels = [there]
    return this.#run(descriptor, registered, { secret: undefined, host: 'localhost', connect: async () => channels.pop() ?? 'none' })
  }

  /** A TaskExecutor that is reached, and reaches others, over TLS only. */
  async startRemote(slots: number, configuration: Record<string, string> = {}): Promise<TestWorker> {
    const port = await this.listen()
    const { descriptor, registered } = this.#descriptor(
      { kind: 'address', host: '127.0.0.1', port, epoch: this.epoch },
      slots,
      configuration,
      0,
    )
    return this.#run(descriptor, registered, {
      secret: this.secret,
      host: '127.0.0.1',
      connect: async (lost) => (lost === undefined ? connectTls('127.0.0.1', port, this.secret) : 'none'),
    })
  }

  /** One in this process that looks for the next master when this one is lost; it finds this one again, at its `epoch` of then. */
  startFollowed(slots: number): TestWorker {
    const master = { kind: 'address', host: 'nowhere', port: 1, epoch: 7, leaderFile: 'file:///nowhere' } as const
    const { descriptor, registered } = this.#descriptor(master, slots, {}, 0)
    const connect = async () => {
      if (!this.leads) return undefined
      const [here, there] = channelPair('the master', descriptor.resourceId)
      this.#accept(here)
      return there
    }
    return this.#run(descriptor, registered, { secret: undefined, host: 'localhost', connect })
  }

  #run(
    descriptor: WorkerDescriptor,
    registered: Promise<Registered>,
    reached: Pick<TaskExecutorOptions, 'secret' | 'host' | 'connect'>,
  ): TestWorker {
    const output: string[] = []
    const write = async (text: string) => void output.push(text)
    const executor = new TaskExecutor({ descriptor, environment: systemEnvironment, write, ...reached })
    const ended = executor.run().then(
      () => 0,
      (error: Error) => {
        output.push(String(error))
        return MasterLost.is(error) && descriptor.master.kind === 'thread' ? 0 : 1
      },
    )
    return { registered, ended, output, kill: () => void executor.stopSlots() }
  }

  /** Listens for TaskManagers that are processes; returns the port. */
  async listen(): Promise<number> {
    this.#listener ??= listenTls('127.0.0.1', [0], this.secret, (channel) => this.#accept(channel))
    return (await this.#listener).port
  }

  /** Expects a TaskManager of that name, started by the test. */
  expect(resourceId: string): Promise<Registered> {
    return new Promise((resolve) => this.#workers.set(resourceId, { resolve }))
  }

  /** Waits until the condition holds, checked whenever something arrives. */
  async until(condition: () => boolean, what = 'condition'): Promise<void> {
    const deadline = Date.now() + 20_000
    while (!condition()) {
      const left = deadline - Date.now()
      if (left <= 0)
        throw new Error(
          `still waiting for: ${what}; updates: ${JSON.stringify(this.updates.map((u) => [u.executionAttemptId.slice(-20), u.state, u.error?.message]))}`,
        )
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, 1000))
        this.#waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  states(task: ExecutionAttemptId): string[] {
    return this.updates.filter((update) => update.executionAttemptId === task).map(({ state }) => state)
  }

  last(task: ExecutionAttemptId): StateUpdate | undefined {
    return this.updates.findLast((update) => update.executionAttemptId === task)
  }

  /** Cuts every connection, as a master that died. */
  dropConnections(): void {
    for (const connection of this.#connections.splice(0)) connection.close()
  }

  async close(): Promise<void> {
    this.dropConnections()
    await (await this.#listener)?.close()
  }

  #descriptor(master: WorkerDescriptor['master'], slots: number, configuration: Record<string, string>, processMemory: number) {
    const resourceId = `worker-${this.#workers.size + 1}` as ResourceId
    const descriptor: WorkerDescriptor = {
      version: 1,
      resourceId,
      slots,
      processMemory,
      configuration,
      master,
      user: 'test',
      workingDirectory: process.cwd(),
    }
    const registered = new Promise<Registered>((resolve) => this.#workers.set(resourceId, { resolve }))
    return { descriptor, registered }
  }

  #accept(channel: Channel): void {
    const endpoints = new RpcEndpoints()
    const connection = new RpcConnection(channel, endpoints, systemEnvironment)
    this.#connections.push(connection)
    endpoints.serve('resourcemanager', ResourceManagerGateway, {
      registerTaskExecutor: (request, caller) => {
        const worker = this.#workers.get(request.resourceId)
        if (worker === undefined) throw new Error(`unknown worker ${request.resourceId}`)
        this.registrations.push(request)
        this.#arrived()
        worker.resolve({
          resourceId: request.resourceId,
          host: request.host,
          slots: request.slots,
          connection,
          gateway: caller.gateway(TaskExecutorGateway, 'taskexecutor', this.epoch),
        })
        return { epoch: this.epoch, heartbeatIntervalMs: this.heartbeatIntervalMs, heartbeatTimeoutMs: 50_000 }
      },
      heartbeat: ({ tasks }) => {
        this.heartbeats++
        for (const { executionAttemptId, metrics } of tasks) this.metrics.set(executionAttemptId, metrics)
        this.#arrived()
        return {}
      },
    })
    endpoints.serve(
      'blobserver',
      BlobGateway,
      {
        getBlob: (request, caller) => {
          this.blobRequests.push([request.key, request.offset])
          return this.blobs.handlers.getBlob(request, caller)
        },
      },
      this.epoch,
    )
    endpoints.serve(
      `jobmaster/${JOB}`,
      JobMasterGateway,
      {
        updateTaskExecutionState: (update) => {
          this.onUpdate(update)
          this.updates.push(update)
          this.#arrived()
          return {}
        },
        acknowledgeCheckpoint: (acknowledgement) => {
          this.acknowledged.push(acknowledgement)
          this.#arrived()
          return this.onAcknowledge(acknowledgement)
        },
        declineCheckpoint: (decline) => {
          this.declined.push(decline)
          this.#arrived()
          return {}
        },
        operatorRequest: async ({ event }) => {
          const answer = await this.onOperatorRequest(event as { type: string })
          this.#arrived()
          return { answer }
        },
      },
      this.epoch,
    )
  }

  #arrived(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

export async function allocateAll(worker: Registered): Promise<void> {
  for (const { slotIndex } of worker.slots) {
    await worker.gateway.allocateSlot({ slotIndex, allocationId: allocationOf(worker.resourceId, slotIndex), jobId: JOB })
  }
}

export function allocationOf(resourceId: ResourceId, slotIndex: number): AllocationId {
  return `allocation-${resourceId}-${slotIndex}` as AllocationId
}
