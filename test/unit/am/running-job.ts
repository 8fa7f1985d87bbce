/** A job that takes checkpoints, whose tasks run, on scripted workers of one slot each. */
import type { JobGraph } from '#core/graph/job-graph.js'
import type { SubmittedTask } from '#core/rpc/gateways/blob.js'
import type { Job } from '#am/jobmaster/job-master.js'
import { SOURCE_OPERATOR, sourceToSink, streaming } from './job-graphs.js'
import { MiniMaster } from './mini-master.js'
import type { ScriptedWorker } from './scripted-worker.js'

export const OPTIONS = {
  'execution.checkpointing.interval': '1 s',
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '3',
  'restart-strategy.fixed-delay.delay': '100 ms',
  'taskmanager.slot.timeout': '1 h',
}
export type Options = Readonly<Record<string, string>>

export class RunningJob {
  readonly master: MiniMaster
  readonly job: Job
  workers: ScriptedWorker[] = []

  constructor(master: MiniMaster, job: Job) {
    this.master = master
    this.job = job
  }

  static async of(graph: JobGraph = sourceToSink(), options: Options = {}, master = new MiniMaster({ ...OPTIONS, ...options })) {
    const running = new RunningJob(master, master.dispatcher.submit(streaming(graph)))
    await running.addWorkers(Math.max(...graph.vertices.map((vertex) => vertex.parallelism)))
    await running.allRun()
    return running
  }

  get log(): string[] {
    return this.master.connectors.log
  }

  async addWorkers(count: number): Promise<void> {
    for (let i = 0; i < count; i++) this.workers.push(await this.master.worker(`w${this.workers.length + 1}`))
    await this.master.settle(1)
  }

  /** The newest attempt of a subtask, and its worker. */
  find(vertexName: string, subtask = 0): { task: SubmittedTask; worker: ScriptedWorker } {
    const all = this.workers.flatMap((worker) => worker.tasks.map((task) => ({ task, worker })))
    const own = all.filter(({ task }) => task.vertexName === vertexName && task.subtaskIndex === subtask)
    const newest = own.sort((a, b) => b.task.attemptNumber - a.task.attemptNumber)[0]
    if (newest === undefined) throw new Error(`no task ${vertexName} ${subtask}`)
    return newest
  }

  async report(vertexName: string, state: 'RUNNING' | 'FAILED' | 'CANCELED', error?: Error, subtask = 0): Promise<void> {
    const { task, worker } = this.find(vertexName, subtask)
    await worker.report(task, state, error)
    await this.master.settle()
  }

  async allRun(): Promise<void> {
    for (const { vertex, executions } of this.job.run.graph.vertices) {
      for (const execution of executions)
        if (execution.state === 'DEPLOYING') await this.report(vertex.name, 'RUNNING', undefined, execution.subtaskIndex)
    }
    await this.master.settle()
  }

  async acknowledge(vertexName: string, checkpointId: number, committables: readonly unknown[] = [], subtask = 0): Promise<void> {
    const { task, worker } = this.find(vertexName, subtask)
    await worker.acknowledge(task, checkpointId, committables)
    await this.master.settle()
  }

  /** The next checkpoint begins. */
  async tick(): Promise<void> {
    await this.master.settle(1_000)
    await this.master.settle()
  }

  async checkpoint(id: number, committables: readonly unknown[]): Promise<void> {
    await this.tick()
    for (const { vertex, executions } of this.job.run.graph.vertices) {
      for (const { subtaskIndex, state } of executions) {
        if (state === 'RUNNING') await this.acknowledge(vertex.name, id, vertex.name === 'Sink' ? committables : [], subtaskIndex)
      }
    }
    await this.master.settle()
  }

  async split(subtask = 0): Promise<unknown> {
    const { task, worker } = this.find('Source', subtask)
    const { executionAttemptId } = task
    const asked = { executionAttemptId, operatorId: SOURCE_OPERATOR, event: { type: 'requestSplit' } }
    return ((await worker.jobMaster().operatorRequest(asked)).answer as { split: unknown }).split
  }
}
