/** A job for tests of the CheckpointCoordinator: its tasks do what the test says, files lie in a folder of their own, time is virtual. */
import { crc32 } from 'node:zlib'
import { mkdtempSync, mkdirSync, rmSync, writeFileSync, existsSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CheckpointCoordinator } from '#am/jobmaster/checkpoint/checkpoint-coordinator.js'
import type { CheckpointHost, CheckpointSubtask, EnumeratorSnapshot } from '#am/jobmaster/checkpoint/checkpoint-host.js'
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { OperatorSubtaskState, StateBytes, SubtaskCheckpointMetrics, SubtaskState } from '#core/checkpoint/state-handles.js'
import { Configuration } from '#core/config/configuration.js'
import { FileSystems } from '#core/fs/file-systems.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { ExecutionAttemptId, OperatorId } from '#core/ids/ids.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'

export const METRICS: SubtaskCheckpointMetrics = {
  stateSize: 100,
  checkpointedSize: 40,
  syncDurationMs: 1,
  asyncDurationMs: 5,
  alignmentDurationMs: 2,
  startDelayMs: 3,
  processedBytes: 7,
  persistedBytes: 0,
  unaligned: false,
}

/** Long enough for the file operations of a turn on a busy machine. */
const PATIENCE_MS = 5_000

export class ScriptedJob {
  readonly environment = virtualEnvironment(7)
  readonly folder = mkdtempSync(join(tmpdir(), 'weft-checkpoint-test-'))
  readonly root = `file://${this.folder}/checkpoints`
  readonly jobGraph: JobGraph
  /** What the coordinator asked for, in order, one line each. */
  readonly told: string[] = []
  readonly barriers: CheckpointBarrier[] = []
  readonly enumerators: EnumeratorSnapshot[] = []
  readonly failures: Error[] = []
  subtasks: CheckpointSubtask[]
  coordinator!: CheckpointCoordinator
  /** Replaces what triggering and committing do. */
  onTrigger: (attemptId: ExecutionAttemptId) => Promise<void> = async () => undefined
  onCommit: (checkpointId: number) => Promise<void> = async () => undefined
  readonly #configuration: Record<string, string>

  constructor(jobGraph: JobGraph, configuration: Record<string, string> = {}) {
    this.jobGraph = { ...jobGraph, jobType: 'STREAMING' }
    this.#configuration = configuration
    this.subtasks = this.attempt(0, 'running')
    this.master(1)
  }

  /** All subtasks in that attempt. */
  attempt(attempt: number, state: CheckpointSubtask['state']): CheckpointSubtask[] {
    return this.jobGraph.vertices.flatMap((vertex) =>
      Array.from({ length: vertex.parallelism }, (_, subtaskIndex) => ({
        vertexId: vertex.id,
        subtaskIndex,
        attemptId: `${vertex.name}-${subtaskIndex}#${attempt}` as ExecutionAttemptId,
        state,
      })),
    )
  }

  /** A coordinator of this job, as a master of that epoch has one; the one before does nothing any more. */
  master(epoch: number, configuration: Record<string, string> = {}, jobGraph = this.jobGraph): CheckpointCoordinator {
    void (this.coordinator as CheckpointCoordinator | undefined)?.end('SUSPENDED')
    const host: CheckpointHost = {
      jobGraph: () => this.jobGraph,
      subtasks: () => this.subtasks,
      trigger: (attemptId, barrier) => {
        this.told.push(`trigger ${barrier.checkpointId} at ${attemptId}`)
        if (this.barriers.at(-1)?.checkpointId !== barrier.checkpointId) this.barriers.push(barrier)
        return this.onTrigger(attemptId)
      },
      conclude: (attempts, id, complete) => this.told.push(`${complete ? 'complete' : 'aborted'} ${id} to ${attempts.length}`),
      snapshotEnumerators: (id, sources) => {
        this.told.push(`hold ${id} for ${sources.join(',')}`)
        return this.enumerators
      },
      releaseSplits: (id, attemptId) => this.told.push(`release ${id} ${attemptId}`),
      commit: async (id, committables) => {
        await this.onCommit(id)
        this.told.push(`commit ${id}: ${committables.map((each) => String(each.committable)).join(',')}`)
      },
      failJob: (error) => void this.failures.push(error),
      cancelJob: () => void this.told.push('cancel'),
    }
    return (this.coordinator = new CheckpointCoordinator(jobGraph, host, {
      environment: this.environment,
      fileSystems: new FileSystems(this.folder),
      configuration: Configuration.of({ ...this.#configuration, ...configuration }),
      epoch,
      defaultDirectory: this.root,
    }))
  }

  get barrier(): CheckpointBarrier {
    const newest = this.barriers.at(-1)
    if (newest === undefined) throw new Error('no barrier left')
    return newest
  }

  setState(prefix: string, state: CheckpointSubtask['state']): void {
    this.subtasks = this.subtasks.map((subtask) => (subtask.attemptId.startsWith(prefix) ? { ...subtask, state } : subtask))
  }

  /** Waits, in real time, for what files and promises bring about. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const end = Date.now() + PATIENCE_MS
    while (!condition()) {
      if (Date.now() > end) throw new Error(`never came: ${what}; so far\n${this.told.join('\n')}`)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  untilTold(line: string, times = 1): Promise<void> {
    return this.until(line, () => this.told.filter((each) => each.startsWith(line)).length >= times)
  }

  acknowledge(state: (subtask: CheckpointSubtask) => SubtaskState = () => ({ operators: [] }), barrier = this.barrier): void {
    for (const subtask of this.subtasks.filter((each) => each.state === 'running'))
      this.coordinator.acknowledge(subtask.attemptId, barrier.checkpointId, state(subtask), METRICS)
  }

  /** Begins one by its interval, has everybody acknowledge, and waits until tasks have heard. */
  async checkpoint(interval: number, state?: (subtask: CheckpointSubtask, barrier: CheckpointBarrier) => SubtaskState): Promise<number> {
    const before = this.barriers.length
    this.environment.advance(interval)
    await this.until('a barrier', () => this.barriers.length > before)
    const { barrier } = this
    this.acknowledge(state === undefined ? undefined : (subtask) => state(subtask, barrier), barrier)
    await this.untilTold(`complete ${barrier.checkpointId} `)
    return barrier.checkpointId
  }

  write(directory: string, name: string, content: string | Uint8Array): Extract<StateBytes, { kind: 'file' }> {
    const folder = directory.replace('file://', '')
    mkdirSync(folder, { recursive: true })
    const bytes = Buffer.from(content)
    writeFileSync(join(folder, name), bytes)
    return { kind: 'file', path: `${directory}/${name}`, offset: 0, length: bytes.length, checksum: crc32(bytes) }
  }

  exists(uri: string): boolean {
    return existsSync(uri.replace('file://', ''))
  }

  /** Names in a folder below the job's checkpoint directory. */
  names(below = ''): string[] {
    const folder = join(this.folder, 'checkpoints', this.jobGraph.jobId, below)
    return existsSync(folder) ? readdirSync(folder).sort() : []
  }

  async close(): Promise<void> {
    await this.coordinator.end('SUSPENDED')
    rmSync(this.folder, { recursive: true, force: true })
  }
}

export function operatorState(operatorId: OperatorId, more: Partial<OperatorSubtaskState> = {}): OperatorSubtaskState {
  return { operatorId, lists: {}, committables: [], ...more }
}
