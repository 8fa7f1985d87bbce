/** One slot in this thread, with operators that a test makes; notes what its tasks say of checkpoints. */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { InMemoryFileSystem } from './in-memory-file-system.js'
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { SubtaskCheckpointMetrics, SubtaskState, TaskRestore } from '#core/checkpoint/state-handles.js'
import { FileSystems } from '#core/fs/file-systems.js'
import type { TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import type { Partitioner } from '#core/graph/job-graph.js'
import type { AllocationId, EdgeId, ExecutionAttemptId, JobId, OperatorId, ResourceId, VertexId } from '#core/ids/ids.js'
import { systemEnvironment } from '#core/time/environment.js'
import type { Schema } from '#core/types/schema.js'
import { LinePrinter } from '#container/task/line-printer.js'
import { DataConnection } from '#container/network/data-connection.js'
import { PartitionRegistry } from '#container/network/partition-registry.js'
import { portTransport } from '#container/network/transport.js'
import { SlotMailbox } from '#container/task/slot-mailbox.js'
import { Task, type TaskReport, type TaskServices } from '#container/task/task.js'
import type { AnyOperator } from '#container/task/operator-factory.js'

const HERE = { resourceId: 'w' as ResourceId, slotIndex: 0, host: 'localhost', dataPort: 0 }

export interface Acknowledgement {
  readonly task: string
  readonly checkpointId: number
  readonly state: SubtaskState
  readonly metrics: SubtaskCheckpointMetrics
}
export interface TaskSpec {
  readonly name: string
  readonly chain: readonly string[]
  readonly inputs?: readonly string[]
  readonly outputs?: readonly string[]
  readonly partitioner?: Partitioner
  readonly restore?: TaskRestore
  readonly configuration?: Record<string, string>
}

export const hexOf = (name: string) => Buffer.from(name).toString('hex').padEnd(32, '0').slice(0, 32)

export function barrierOf(checkpointId: number, more: Partial<CheckpointBarrier> = {}): CheckpointBarrier {
  return {
    checkpointId,
    timestamp: Date.now(),
    kind: 'checkpoint',
    alignment: 'aligned',
    alignedTimeoutMs: null,
    full: false,
    directory: `mem://c/chk-${checkpointId}`,
    sharedDirectory: 'mem://c/shared',
    stop: null,
    ...more,
  }
}

export class OneSlot {
  readonly files = new InMemoryFileSystem()
  readonly fileSystems = new FileSystems('/')
  readonly reports: [task: string, report: TaskReport][] = []
  readonly acknowledged: Acknowledgement[] = []
  readonly declined: { task: string; checkpointId: number; error: unknown }[] = []
  readonly tasks = new Map<string, Task>()
  #operators: (name: string) => AnyOperator
  readonly #services: TaskServices
  readonly #schema: Schema
  #waiting: (() => void)[] = []
  #ports: MessagePort[] = []
  #producers: DataConnection | undefined

  /** `remote`: tasks reach each other as if they ran in two slots, by frames with credits. */
  constructor(schema: Schema, operators: (name: string) => AnyOperator, remote = false, localStateDirectory?: string) {
    this.#schema = schema
    this.#operators = operators
    this.fileSystems.register('mem', this.files, 'mem://c')
    const wake = () => {
      for (const waiting of this.#waiting.splice(0)) waiting()
    }
    const registry = new PartitionRegistry(systemEnvironment, 'here')
    const connection = remote ? this.#loop(registry) : Promise.reject<DataConnection>(new Error('elsewhere'))
    connection.catch(() => undefined)
    this.#services = {
      environment: systemEnvironment,
      fileSystems: this.fileSystems,
      mailbox: new SlotMailbox(systemEnvironment.clock),
      network: { registry, isHere: () => !remote, connectionTo: () => connection },
      printer: new LinePrinter((text) => this.#services.printer.written(text.length)),
      partitionBytes: 1024 * 1024,
      settleGraceMs: 20,
      localStateDirectory,
      takePrepared: () => undefined,
      instantiate: async (node) => this.#operators(node.name),
      requestCoordinator: () => new Promise(() => undefined),
      report: (task, report) => {
        this.reports.push([task.descriptor.vertexName, report])
        wake()
      },
      acknowledgeCheckpoint: (task, checkpointId, state, metrics) => {
        this.acknowledged.push({
          task: task.descriptor.vertexName,
          checkpointId,
          state: JSON.parse(JSON.stringify(state)) as SubtaskState,
          metrics,
        })
        wake()
      },
      declineCheckpoint: (task, checkpointId, error) => {
        this.declined.push({ task: task.descriptor.vertexName, checkpointId, error })
        wake()
      },
    }
  }

  #loop(registry: PartitionRegistry): Promise<DataConnection> {
    const { port1, port2 } = new MessageChannel()
    this.#ports = [port1, port2]
    this.#producers = new DataConnection(portTransport(port2, 'producers'), registry, () => undefined)
    return Promise.resolve(new DataConnection(portTransport(port1, 'consumers'), registry, () => undefined))
  }

  start({ name, chain, inputs = [], outputs = [], partitioner = { kind: 'FORWARD' }, restore, configuration }: TaskSpec): Task {
    const descriptor: TaskDeploymentDescriptor = {
      jobId: 'j' as JobId,
      jobName: 'job',
      vertexId: hexOf(name) as VertexId,
      vertexName: name,
      executionAttemptId: name as ExecutionAttemptId,
      attemptNumber: 0,
      subtaskIndex: 0,
      parallelism: 1,
      maxParallelism: 128,
      allocationId: 'a' as AllocationId,
      slotIndex: 0,
      operators: chain.map((operator, i) => ({
        id: hexOf(operator) as OperatorId,
        name: operator,
        spec: { op: 'union' },
        from: i === 0 ? null : i - 1,
        outputSchema: this.#schema,
      })),
      inputs: inputs.map((producer, targetInput) => ({
        edgeId: hexOf(`${producer}-${name}`) as EdgeId,
        targetInput,
        schema: this.#schema,
        channels: [{ producer: producer as ExecutionAttemptId, subpartition: 0, location: HERE }],
      })),
      outputs: outputs.map((consumer) => ({
        edgeId: hexOf(`${name}-${consumer}`) as EdgeId,
        sourceOperator: chain.length - 1,
        partitioner,
        numSubpartitions: 1,
        maxParallelism: 128,
        schema: this.#schema,
      })),
      configuration: { 'execution.buffer-timeout.interval': '0 ms', ...configuration },
      ...(restore === undefined ? {} : { restore }),
    }
    const task = new Task(descriptor, this.#services)
    this.tasks.set(name, task)
    task.start()
    return task
  }

  states(name: string): string[] {
    return this.reports.filter(([task]) => task === name).map(([, { state }]) => state)
  }

  report(name: string): TaskReport | undefined {
    return this.reports.findLast(([task]) => task === name)?.[1]
  }

  /** Waits until the condition holds; looked at when a task says something, and a few times a second. */
  async until(condition: () => boolean, what = 'condition'): Promise<void> {
    const deadline = Date.now() + 5_000
    while (!condition()) {
      if (Date.now() > deadline)
        throw new Error(
          `still waiting for ${what}: ${JSON.stringify({ reports: this.reports.map(([t, r]) => [t, r.state, String(r.error ?? '')]), acknowledged: this.acknowledged.map((a) => [a.task, a.checkpointId]), declined: this.declined.map((d) => [d.task, d.checkpointId, String(d.error)]) })}`,
        )
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 5)
        this.#waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  async running(): Promise<void> {
    await this.until(() => [...this.tasks.keys()].every((name) => this.states(name).includes('RUNNING')), 'RUNNING')
  }

  async allAcknowledged(checkpointId: number): Promise<void> {
    await this.until(() => [...this.tasks.keys()].every((name) => this.ack(name, checkpointId) !== undefined), `checkpoint ${checkpointId}`)
  }

  ack(task: string, checkpointId: number): Acknowledgement | undefined {
    return this.acknowledged.find((each) => each.task === task && each.checkpointId === checkpointId)
  }

  conclude(checkpointId: number, complete: boolean): void {
    for (const task of this.tasks.values()) task.concludeCheckpoint(checkpointId, complete)
  }

  async stop(): Promise<void> {
    for (const task of this.tasks.values()) task.cancel()
    await this.until(() => [...this.tasks.values()].every(({ state }) => ['CANCELED', 'FINISHED', 'FAILED'].includes(state)), 'the end')
    this.#producers?.close()
    for (const port of this.#ports) port.close()
  }

  /** What each task begins with when it starts from that checkpoint. */
  restoreOf(task: string, checkpointId: number): TaskRestore {
    const state = this.ack(task, checkpointId)?.state
    if (state === undefined) throw new Error(`${task} has not acknowledged ${checkpointId}`)
    const resolve = (path: string) => (path.includes('://') ? path : `mem://c/chk-${checkpointId}/${path}`)
    const bytes = <T extends { kind: string }>(of: T): T => ('path' in of ? { ...of, path: resolve(String(of.path)) } : of)
    return {
      checkpointId,
      finished: false,
      operators: state.operators.map(({ operatorId, keyed, lists }) => ({
        operatorId,
        keyed: keyed === undefined ? [] : [{ ...keyed, segments: keyed.segments.map(bytes) }],
        lists: Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, list.items])),
      })),
      ...(state.inFlight === undefined
        ? {}
        : {
            inFlight: {
              inputs: state.inFlight.inputs.map((each) => ({ ...each, bytes: bytes(each.bytes) })),
              outputs: state.inFlight.outputs.map((each) => ({ ...each, bytes: bytes(each.bytes) })),
            },
          }),
    }
  }
}
