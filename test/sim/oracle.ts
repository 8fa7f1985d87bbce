/** What must hold, whatever fails: looked at whenever something happens that could break it, and at the end. */
import type { Job } from '#am/jobmaster/job-master.js'
import { allFinished } from '#am/jobmaster/executiongraph/execution-graph.js'
import { decodeMetadata } from '#core/checkpoint/metadata-codec.js'
import { expectedRows, ROOT, type SimJob } from './jobs.js'
import type { Kernel } from './kernel.js'
import type { SimMaster } from './master.js'
import type { SimSlot } from './slot.js'
import type { SimTask } from './task.js'
import type { Volume } from './volume.js'
import type { SimWorker } from './worker.js'

interface Running {
  readonly worker: SimWorker
  readonly task: SimTask
  readonly slot: SimSlot
  /** Of the master whose task it is: the one that deployed it, or that went on with it. */
  epoch: number
}

interface JobRecord {
  readonly job: SimJob
  readonly expected: ReadonlySet<string>
  /** Visible rows, by the file that has them. */
  readonly visible: Map<string, string>
  newestCheckpoint: number
  /** Of the master whose coordinators have begun last. */
  epoch: number
  ended: Job['state'] | undefined
  /** Somebody has asked for its end. */
  cancelled: boolean
}

export class Oracle {
  readonly checkpoints: { completed: number } = { completed: 0 }
  /** Tasks that were started. */
  started = 0
  adopted = 0
  readonly #kernel: Kernel
  #lastSeen: ReadonlySet<string> | undefined
  readonly #volume: Volume
  readonly #jobs: readonly JobRecord[]
  readonly #masters: () => SimMaster | undefined
  readonly #running = new Map<string, Running>()
  /** By worker: epoch of the master that admitted it last. */
  readonly #registered = new Map<string, number>()
  /** Names of files that complete checkpoints have. */
  readonly #checkpointed = new Set<string>()
  #awaited: { readonly which: RegExp; readonly action: () => void }[] = []

  constructor(kernel: Kernel, volume: Volume, jobs: readonly SimJob[], master: () => SimMaster | undefined) {
    this.#kernel = kernel
    this.#volume = volume
    this.#masters = master
    this.#jobs = jobs.map((job) => ({
      job,
      expected: expectedRows(job),
      visible: new Map<string, string>(),
      newestCheckpoint: 0,
      epoch: 0,
      ended: undefined,
      cancelled: false,
    }))
    volume.onRenamed = (_from, to, replaced, content) => this.#onRenamed(to, replaced, content)
    volume.onDeleted = (path) => this.#onDeleted(path)
  }

  onCancelled(number: number): void {
    for (const record of this.#jobs) if (record.job.number === number) record.cancelled = true
  }

  onNextFile(which: RegExp, action: () => void): void {
    this.#awaited.push({ which, action })
  }

  get rows(): number {
    return this.#jobs.reduce((sum, { visible }) => sum + visible.size, 0)
  }

  get allEnded(): boolean {
    return this.#jobs.every(({ ended }) => ended !== undefined)
  }

  // -------------------------------------------------------------------------------------------------------------------------- tasks
  onTaskStarted(worker: SimWorker, task: SimTask, slot: SimSlot): void {
    const { executionAttemptId, allocationId, jobId, vertexId, subtaskIndex } = task.descriptor
    this.started++
    const epoch = epochOf(executionAttemptId)
    const registered = this.#registered.get(worker.id) ?? 0
    if (epoch < registered)
      this.#kernel.violate('fencing', `${worker.process.name}, which registered with epoch ${registered}, is given ${executionAttemptId}`)
    for (const other of slot.tasks.values()) {
      if (other.over || other === task) continue
      if (other.descriptor.allocationId !== allocationId || other.descriptor.jobId !== jobId)
        this.#kernel.violate(
          'no slot is given twice',
          `slot ${slot.index} of ${worker.process.name} runs ${other.descriptor.executionAttemptId} and gets ${executionAttemptId}`,
        )
    }
    for (const other of this.#running.values()) {
      const { descriptor } = other.task
      if (other.task.over || !other.worker.process.alive) continue
      if (descriptor.allocationId === allocationId && (other.worker !== worker || other.slot.index !== slot.index))
        this.#kernel.violate('no slot is given twice', `allocation ${allocationId} is in two slots`)
      if (descriptor.jobId !== jobId || descriptor.vertexId !== vertexId || descriptor.subtaskIndex !== subtaskIndex) continue
      if (other.epoch === epoch && this.#counts(other.worker, epoch) && this.#counts(worker, epoch))
        this.#kernel.violate('one attempt of a subtask counts', `${executionAttemptId} starts beside ${descriptor.executionAttemptId}`)
    }
    this.#running.set(executionAttemptId, { worker, task, slot, epoch })
  }

  /** It is the newer master's task from now on: no other attempt of its subtask may be that one's. */
  onTaskAdopted(worker: SimWorker, task: SimTask): void {
    const running = this.#running.get(task.descriptor.executionAttemptId)
    if (running === undefined) return
    this.adopted++
    running.epoch = Math.max(running.epoch, this.#registered.get(worker.id) ?? 0)
    const { jobId, vertexId, subtaskIndex } = task.descriptor
    for (const other of this.#running.values()) {
      const { descriptor } = other.task
      if (other === running || other.task.over || other.epoch !== running.epoch) continue
      if (descriptor.jobId !== jobId || descriptor.vertexId !== vertexId || descriptor.subtaskIndex !== subtaskIndex) continue
      if (this.#counts(other.worker, other.epoch) && this.#counts(worker, running.epoch))
        this.#kernel.violate('one attempt of a subtask counts', `${descriptor.executionAttemptId} runs beside one that was taken over`)
    }
  }

  onTaskEnded(task: SimTask): void {
    this.#running.delete(task.descriptor.executionAttemptId)
  }

  /** The worker is one of the present master's. */
  #counts(worker: SimWorker, epoch: number): boolean {
    const master = this.#masters()
    return (
      master?.epoch === epoch &&
      master.process.alive &&
      worker.process.alive &&
      master.resourceManager?.taskExecutor(worker.id as Parameters<NonNullable<SimMaster['resourceManager']>['taskExecutor']>[0]) !==
        undefined
    )
  }

  onRegistered(resourceId: string, epoch: number): void {
    this.#registered.set(resourceId, epoch)
  }

  // --------------------------------------------------------------------------------------------------------------------------- jobs
  onCoordinatorsStarted(job: SimJob, epoch: number): void {
    const record = this.#record(job)
    if (epoch < record.epoch) this.#kernel.violate('fencing', `job ${job.number} starts under epoch ${epoch} after epoch ${record.epoch}`)
    record.epoch = Math.max(record.epoch, epoch)
  }

  onJobEnded(job: SimJob, ended: Job): void {
    const record = this.#record(job)
    record.ended = ended.state
    this.#kernel.say(`job ${job.number} is ${ended.state}, ${record.visible.size} rows visible`, 'oracle')
    if (ended.state === 'CANCELED' && record.cancelled) return this.#compareRows(record)
    if (ended.state !== 'FINISHED') {
      const failure = ended.run.failures.at(-1)?.error
      return this.#kernel.violate('each job ends well', `job ${job.number} is ${ended.state}: ${failure?.message ?? '?'}`)
    }
    this.#compareRows(record)
  }

  /** A job that was cancelled need not have written all. */
  #compareRows({ job, expected, visible, ended }: JobRecord): void {
    const missing = ended === 'CANCELED' ? [] : [...expected].filter((row) => !visible.has(row))
    const foreign = [...visible.keys()].filter((row) => !expected.has(row))
    if (missing.length > 0)
      this.#kernel.violate(
        'exactly once',
        `job ${job.number} has lost ${missing.length} of ${expected.size} rows: ${missing.slice(0, 8).join(', ')}`,
      )
    if (foreign.length > 0)
      this.#kernel.violate('exactly once', `job ${job.number} has written rows that nobody read: ${foreign.slice(0, 8).join(', ')}`)
  }

  // -------------------------------------------------------------------------------------------------------------------------- files
  #onRenamed(to: string, replaced: boolean, content: Buffer): void {
    const due = this.#awaited.filter(({ which }) => which.test(to))
    if (due.length > 0) this.#awaited = this.#awaited.filter((each) => !due.includes(each))
    for (const { action } of due) action()
    if (to.endsWith('/_metadata')) return this.#onCheckpoint(to, replaced, content)
    const record = this.#jobs.find(({ job }) => to.startsWith(`${job.outputDirectory}/part-`))
    if (record !== undefined) this.#onVisible(record, to, content)
  }

  #onCheckpoint(path: string, replaced: boolean, content: Buffer): void {
    const metadata = decodeMetadata(content, path)
    const record = this.#jobs.find(({ job }) => job.graph.jobId === metadata.jobId)
    if (record === undefined) return
    this.checkpoints.completed++
    const { checkpointId: id, epoch } = metadata
    if (replaced) this.#kernel.violate('fencing', `${path} replaces another one`)
    if (id <= record.newestCheckpoint)
      this.#kernel.violate('checkpoint ids increase', `job ${record.job.number} completes ${id} after ${record.newestCheckpoint}`)
    if (epoch < record.epoch)
      this.#kernel.violate('fencing', `epoch ${epoch} completes checkpoint ${id} of job ${record.job.number} under epoch ${record.epoch}`)
    record.newestCheckpoint = Math.max(record.newestCheckpoint, id)
    for (const [name] of content.toString('latin1').matchAll(/part-[0-9a-f-]+/g)) this.#checkpointed.add(name)
  }

  #onVisible(record: JobRecord, path: string, content: Buffer): void {
    const { job, visible } = record
    const epoch = Number(/^master-(\d+)$/.exec(this.#kernel.current)?.[1] ?? 0)
    if (epoch < record.epoch) this.#kernel.violate('fencing', `${this.#kernel.current} commits ${path} under epoch ${record.epoch}`)
    const name = path.slice(path.lastIndexOf('/') + 1)
    this.#kernel.say(`${name} of job ${job.number} becomes visible: ${content.toString('utf8').replaceAll('\n', ' ').slice(0, 200)}`)
    const run = this.#masters()?.jobs.get(job.number)?.run
    if (!this.#checkpointed.has(name) && (run === undefined || !allFinished(run.graph)))
      this.#kernel.violate('exactly once', `${path} is shown, which no complete checkpoint has`)
    for (const row of content.toString('utf8').split('\n')) {
      const twice = visible.get(row)
      if (twice !== undefined && twice !== path)
        this.#kernel.violate('exactly once', `job ${job.number} shows row ${row} in ${path} and in ${twice}`)
      visible.set(row, path)
    }
  }

  #onDeleted(path: string): void {
    if (path.includes('/part-') && !path.includes('/.staging')) this.#kernel.say(`${path} is deleted`)
    for (const { visible } of this.#jobs) for (const [row, file] of visible) if (file === path) visible.delete(row)
  }

  // ------------------------------------------------------------------------------------------------------------------------ the end
  onUnregister(leaked: readonly string[], outstanding: number): void {
    if (leaked.length > 0) this.#kernel.violate('no container leaks', `held when the application took its leave: ${leaked.join(', ')}`)
    if (outstanding > 0) this.#kernel.violate('asked - granted = 0', `${outstanding} containers are still asked for at the end`)
  }

  onLastLook(): void {
    this.#lastSeen = new Set(this.#volume.files.keys())
  }

  /** The application has ended: nothing of it is left. `calm`: nothing was done to it. */
  atEnd(calm: boolean): void {
    const subtasks = this.#jobs.reduce((sum, { job }) => sum + job.graph.vertices.reduce((all, { parallelism }) => all + parallelism, 0), 0)
    if (calm && this.started !== subtasks)
      this.#kernel.violate('nothing starts again without a fault', `${this.started} tasks ran for ${subtasks} subtasks`)
    for (const { job, ended } of this.#jobs) {
      if (ended === undefined) this.#kernel.violate('each job ends well', `job ${job.number} has not ended`)
      for (const path of this.#volume.files.keys()) {
        // What a task wrote after that which nobody can reach, over a network that held it back, cannot be removed by anybody.
        if (this.#lastSeen?.has(path) === false) continue
        if (path.startsWith(`${job.outputDirectory}/.staging`))
          this.#kernel.violate('nothing is left', `${path} was never committed or removed`)
        if (path.startsWith(`${ROOT}/checkpoints/${job.graph.jobId}/`)) this.#kernel.violate('nothing is left', `${path} outlives its job`)
      }
    }
  }

  #record(job: SimJob): JobRecord {
    const record = this.#jobs.find((each) => each.job === job)
    if (record === undefined) throw new Error(`unknown job ${job.number}`)
    return record
  }
}

/** `<job>_e02_…`: of the second master. */
export function epochOf(attemptId: string): number {
  return Number(/^[0-9a-f]+_e(\d+)_/.exec(attemptId)?.[1] ?? 1)
}
