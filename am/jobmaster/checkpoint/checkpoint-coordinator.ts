/**
 * The CheckpointCoordinator of one job: feeds machine.ts with events, one at a time, and carries out the effects. All deciding is there;
 * this shell knows the JobMaster (CheckpointHost), the clock and the files (checkpoint-store.ts).
 */
import type { SubtaskCheckpointMetrics, SubtaskState } from '#core/checkpoint/state-handles.js'
import type { Configuration } from '#core/config/configuration.js'
import { CHECKPOINT_DIR, SAVEPOINT_DIR } from '#core/config/options/checkpointing.js'
import type { FileSystems } from '#core/fs/file-systems.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { JobState } from '#core/graph/states.js'
import type { ExecutionAttemptId, JobId } from '#core/ids/ids.js'
import { logger } from '#core/log/logger.js'
import { unreachable } from '#core/machine/step.js'
import type { Environment, Millis, TimerHandle } from '#core/time/environment.js'
import type { Committable } from '../executiongraph/execution-graph.js'
import type {
  CheckpointHost,
  Checkpoints,
  CheckpointSubtask,
  CheckpointsView,
  RestartedSubtask,
  RestoredJob,
  SavepointRequest,
} from './checkpoint-host.js'
import { checkpointDirectory, isBelow, jobDirectory, savepointDirectory } from './checkpoint-paths.js'
import { CheckpointStore } from './checkpoint-store.js'
import { JobTakesNoCheckpoints, SavepointDirectoryMissing } from './errors.js'
import { orphans, type Deletion } from './garbage.js'
import { coordinate, createCoordinator, nextTick } from './machine.js'
import { withParallelism } from '../executiongraph/rescaled-graph.js'
import { recordOf } from './record.js'
import { findRecovery } from './recovery.js'
import { rescaledBefore } from './rescaled-before.js'
import { keptAtEnd, leftAtEnd } from './retention.js'
import { checkpointSettings } from './settings.js'
import { assignState } from './state-assignment.js'
import { subtaskWithFullPaths } from '#core/checkpoint/state-files.js'
import type { CoordinatorContext, CoordinatorEffect, CoordinatorEvent, CoordinatorState, ManualRequest } from './state.js'

/** With 10,000 tasks that all report within a second, each look costs as much as a hundred reports. */
const TASKS_CHANGE_MS: Millis = 20
/** So few are looked at with every change. */
const FEW_TASKS = 200

export interface CheckpointServices {
  readonly environment: Environment
  readonly fileSystems: FileSystems
  /** Of the job. */
  readonly configuration: Configuration
  /** Of this master: in every `_metadata`. */
  readonly epoch: number
  /** Where checkpoints go when execution.checkpointing.dir is unset: a full URI. */
  readonly defaultDirectory: string
}

interface Waiting {
  succeed(id: number, path: string): void
  refuse(error: Error): void
}

/** What has changed since a checkpoint that began so recently is little. */
const RECENT_MS = 2_000

/** What a job's checkpoints left behind, of a job that ended under an earlier master, of which only this is known. Never rejects. */
export async function removeCheckpoints(jobId: JobId, jobState: JobState, services: CheckpointServices): Promise<void> {
  const { configuration, fileSystems, environment, defaultDirectory } = services
  if (keptAtEnd(checkpointSettings(configuration).retention, jobState)) return
  const store = new CheckpointStore(fileSystems, environment)
  await store.delete([], [jobDirectory(store.resolve(configuration.get(CHECKPOINT_DIR) ?? defaultDirectory), jobId)])
}

export class CheckpointCoordinator implements Checkpoints {
  readonly #host: CheckpointHost
  readonly #services: CheckpointServices
  readonly #fixed: Omit<CoordinatorContext, 'jobGraph'>
  readonly #store: CheckpointStore
  readonly #log
  readonly #events: CoordinatorEvent[] = []
  readonly #requests = new Map<number, Waiting>()
  /** By checkpoint: sources whose splits are held back. */
  readonly #held = new Map<number, Set<ExecutionAttemptId>>()
  #state: CoordinatorState = createCoordinator()
  #working = false
  #timer: TimerHandle | undefined
  /** Set: tasks have changed since they were looked at. */
  #lookAtTasks: TimerHandle | undefined
  #nextRequest = 1
  #settling: (() => void)[] = []
  #jobDirectory: Promise<void> | undefined
  #storing: Promise<void> = Promise.resolve()
  #deleting: Promise<void> = Promise.resolve()
  /** It is known what earlier masters have left. */
  #recovered = false

  constructor(jobGraph: JobGraph, host: CheckpointHost, services: CheckpointServices) {
    const { configuration, fileSystems, environment, epoch, defaultDirectory } = services
    this.#host = host
    this.#services = services
    this.#log = logger(`CheckpointCoordinator ${jobGraph.jobId}`)
    this.#store = new CheckpointStore(fileSystems, environment)
    const settings = checkpointSettings(configuration)
    this.#fixed = {
      epoch,
      settings: jobGraph.jobType === 'BATCH' ? { ...settings, interval: undefined } : settings,
      directory: jobDirectory(this.#store.resolve(configuration.get(CHECKPOINT_DIR) ?? defaultDirectory), jobGraph.jobId),
    }
  }

  get #context(): CoordinatorContext {
    return { ...this.#fixed, jobGraph: this.#host.jobGraph() }
  }

  get view(): CheckpointsView {
    const { settings, directory } = this.#context
    const { statistics, pending, retained } = this.#state
    return {
      settings,
      directory,
      statistics,
      inProgress: pending.filter((each) => each.stage !== 'committing').map((each) => recordOf(each, 'IN_PROGRESS', undefined, undefined)),
      retained: new Set(retained.map((checkpoint) => checkpoint.directory)),
    }
  }

  async recover(passOver = false): Promise<RestoredJob | undefined> {
    const { jobGraph, settings, directory } = this.#context
    if (jobGraph.jobType === 'BATCH') {
      if (settings.recoveryPath === undefined) return undefined
      throw new JobTakesNoCheckpoints({ what: 'start from a savepoint', reason: BATCH })
    }
    const found = await findRecovery(this.#store, directory, settings, passOver)
    this.#recovered = true
    const { newest } = found
    if (newest === undefined) {
      this.#dispatch({ type: 'recovered', retained: [], nextId: found.nextId })
      return undefined
    }
    // An earlier master may have rescaled the job.
    const own = isBelow(newest.directory, directory)
    const parallelism = own ? rescaledBefore(newest.metadata, jobGraph) : undefined
    const graph = parallelism === undefined ? jobGraph : withParallelism(jobGraph, parallelism)
    const restored = assignState(newest.metadata, graph, { path: newest.directory, ignoreUnclaimedState: settings.ignoreUnclaimedState })
    this.#dispatch({ type: 'recovered', retained: found.retained, nextId: found.nextId })
    this.#dispatch({ type: 'restored', checkpointId: newest.id })
    return parallelism === undefined ? restored : { ...restored, parallelism }
  }

  numbersUsed(upTo: number): void {
    this.#dispatch({ type: 'numbersUsed', upTo })
  }

  async restore(): Promise<RestoredJob | undefined> {
    await this.settled()
    const newest = this.#state.retained.at(-1)
    if (newest === undefined) return undefined
    const { jobGraph, settings } = this.#context
    this.#dispatch({ type: 'restored', checkpointId: newest.id })
    return assignState(newest.metadata, jobGraph, { path: newest.directory, ignoreUnclaimedState: settings.ignoreUnclaimedState })
  }

  async settled(): Promise<void> {
    while (this.#isStoring()) await new Promise<void>((resolve) => this.#settling.push(resolve))
  }

  /** Where many tasks change at a time they are looked at once, a moment later or before anything is decided. */
  tasksChanged(): void {
    if (this.#state.subtasks.length <= FEW_TASKS) return this.#dispatch({ type: 'tasks', subtasks: this.#host.subtasks() })
    this.#lookAtTasks ??= this.#services.environment.timers.after(TASKS_CHANGE_MS, () => this.#look(), true)
  }

  #look(): void {
    if (this.#lookAtTasks === undefined) return
    this.#lookAtTasks.cancel()
    this.#lookAtTasks = undefined
    this.#dispatch({ type: 'tasks', subtasks: this.#host.subtasks() })
  }

  taskFinished(subtask: CheckpointSubtask, committables: readonly Committable[]): void {
    this.#dispatch({ type: 'taskFinished', subtask, committables })
  }

  suspend(reason: Error, restarted: readonly RestartedSubtask[] | 'all', again = false): void {
    this.#dispatch({ type: 'suspend', reason, restarted, again })
  }

  acknowledge(attemptId: ExecutionAttemptId, id: number, state: SubtaskState, metrics: SubtaskCheckpointMetrics): void {
    const own = this.#state.pending.find((each) => each.id === id)?.directory ?? checkpointDirectory(this.#context.directory, id)
    this.#dispatch({ type: 'acknowledged', id, attemptId, state: subtaskWithFullPaths(state, own), metrics })
  }

  decline(attemptId: ExecutionAttemptId, id: number, error: Error): void {
    this.#dispatch({ type: 'declined', id, attemptId, error })
  }

  uncommitted(): readonly Committable[] {
    return [...this.#state.prepared.values()].flat()
  }

  async triggerSavepoint({ directory, stop = null, cancel = false }: SavepointRequest): Promise<string> {
    const what = stop === null ? 'savepoint' : 'stop with savepoint'
    this.#checkCanTake(what)
    if (stop !== null && this.#stopIsUnderWay()) throw new JobTakesNoCheckpoints({ what, reason: 'a stop is under way already' })
    const { configuration, environment } = this.#services
    const root = directory ?? configuration.get(SAVEPOINT_DIR)
    if (root === undefined) throw new SavepointDirectoryMissing({})
    const own = savepointDirectory(this.#store.resolve(root), this.#context.jobGraph.jobId, environment.random.bytes(6))
    return (await this.#request({ kind: 'savepoint', directory: own, stop, cancel })).path
  }

  async triggerCheckpoint(type: 'CONFIGURED' | 'FULL' | 'INCREMENTAL'): Promise<number> {
    this.#checkCanTake('checkpoint')
    return (await this.#request({ kind: 'checkpoint', type })).id
  }

  async triggerForRescale(jobGraph: JobGraph, prepare?: (tasks: RestoredJob['tasks']) => Promise<void>): Promise<number> {
    this.#checkCanTake('checkpoint')
    // What follows the barrier of the checkpoint to switch from is worked off in vain: what has changed until now is written before.
    if (this.#writesMuch()) await this.#request({ kind: 'checkpoint', type: 'CONFIGURED' })
    const tasks = prepare === undefined ? undefined : this.#tasksFromNewest(jobGraph)
    if (tasks !== undefined) {
      await prepare?.(tasks)
      if (this.#writesMuch()) await this.#request({ kind: 'checkpoint', type: 'CONFIGURED' })
    }
    const { id } = await this.#request({ kind: 'checkpoint', type: 'CONFIGURED', rescale: true })
    const taken = this.#state.retained.find((checkpoint) => checkpoint.id === id)
    if (taken === undefined) throw new JobTakesNoCheckpoints({ what: 'checkpoint', reason: `checkpoint ${id} is not there any more` })
    const { ignoreUnclaimedState } = this.#fixed.settings
    assignState(taken.metadata, jobGraph, { path: taken.directory, ignoreUnclaimedState })
    return id
  }

  /** Undefined: there is nothing, or it cannot be dealt out. */
  #tasksFromNewest(jobGraph: JobGraph): RestoredJob['tasks'] | undefined {
    const newest = this.#state.retained.at(-1)
    if (newest === undefined) return undefined
    const { ignoreUnclaimedState } = this.#fixed.settings
    try {
      return assignState(newest.metadata, jobGraph, { path: newest.directory, ignoreUnclaimedState }).tasks
    } catch (error) {
      this.#log.debug(`Nothing is prepared from checkpoint ${newest.id}: ${String(error)}`)
      return undefined
    }
  }

  /** No checkpoint has been taken of the tasks as they run now, or none of late. */
  #writesMuch(): boolean {
    if (!this.#fixed.settings.incremental) return false
    const { latestCompleted, latestRestored } = this.#state.statistics
    if (latestCompleted === undefined || latestCompleted.id <= (latestRestored?.id ?? 0)) return true
    return this.#services.environment.clock.now() - latestCompleted.triggeredAt > RECENT_MS
  }

  async end(jobState: JobState): Promise<void> {
    this.#dispatch({ type: 'end', state: jobState })
    this.#timer?.cancel()
    this.#lookAtTasks?.cancel()
    // What is being written meanwhile lies in a directory that may go.
    await this.#storing
    if (jobState !== 'SUSPENDED') await this.#leaveOrDelete(jobState)
    await this.#deleting
    const newest = this.#state.retained.at(-1)
    if (jobState !== 'SUSPENDED' && newest !== undefined && keptAtEnd(this.#context.settings.retention, jobState))
      this.#log.info(`Checkpoint ${newest.id} is kept in ${newest.directory}: weft run -s ${newest.directory} starts from it.`)
  }

  async removeLeftovers(jobState: JobState): Promise<void> {
    await this.#leaveOrDelete(jobState)
    await this.#deleting
  }

  async #leaveOrDelete(jobState: JobState): Promise<void> {
    const { retained, garbage, nextId, markers } = this.#state
    const { settings, directory, jobGraph } = this.#context
    if (keptAtEnd(settings.retention, jobState)) {
      if (retained.length === 0) return this.#delete({ files: [], directories: markers })
      this.#delete(leftAtEnd(retained, garbage))
      // Tasks have ended: what nobody knows now is of checkpoints that were given up.
      return this.#search((found) => this.#delete(orphans(this.#state, found)))
    }
    const foreign = retained.filter((checkpoint) => checkpoint.owned && !isBelow(checkpoint.directory, directory))
    const claimed = { files: foreign.flatMap(({ files }) => [...files]), directories: foreign.map((checkpoint) => checkpoint.directory) }
    // Cancelled before anybody could read what an earlier master has left there.
    const unread = !this.#recovered && jobState === 'CANCELED' && jobGraph.jobType === 'STREAMING'
    this.#delete({ files: claimed.files, directories: nextId > 1 || unread ? [...claimed.directories, directory] : claimed.directories })
  }

  #stopIsUnderWay(): boolean {
    const { stopping, pending, requests } = this.#state
    const stops = (request: ManualRequest | undefined) => request?.what.kind === 'savepoint' && request.what.stop !== null
    return stopping !== undefined || requests.some(stops) || pending.some((each) => stops(each.request))
  }

  /** @throws CHECKPOINT_NOT_POSSIBLE */
  #checkCanTake(what: string): void {
    if (this.#context.jobGraph.jobType === 'BATCH') throw new JobTakesNoCheckpoints({ what, reason: BATCH })
    if (this.#state.ended) throw new JobTakesNoCheckpoints({ what, reason: 'the job has ended' })
  }

  #request(what: ManualRequest['what']): Promise<{ id: number; path: string }> {
    const requestId = this.#nextRequest++
    return new Promise((resolve, reject) => {
      this.#requests.set(requestId, { succeed: (id, path) => resolve({ id, path }), refuse: reject })
      const now = this.#services.environment.clock.now()
      this.#dispatch({ type: 'request', request: { requestId, at: now, notBefore: now, what } })
    })
  }

  #isStoring(): boolean {
    return this.#state.pending.some((each) => each.stage === 'storing' || each.stage === 'committing')
  }

  #dispatch(event: CoordinatorEvent): void {
    this.#look()
    this.#events.push(event)
    if (this.#working) return // an effect caused it: its turn comes after the present event
    this.#working = true
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        const step = coordinate(this.#state, next, this.#services.environment.clock.now(), this.#context)
        this.#state = step.state
        for (const effect of step.effects) this.#perform(effect)
      }
    } finally {
      this.#working = false
    }
    this.#setTimer()
    if (!this.#isStoring()) for (const resolve of this.#settling.splice(0)) resolve()
  }

  #setTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const at = nextTick(this.#state, this.#context)
    if (at === undefined) return
    const { clock, timers } = this.#services.environment
    this.#timer = timers.after(Math.max(0, at - clock.now()), () => this.#dispatch({ type: 'tick' }), true)
  }

  #perform(effect: CoordinatorEffect): void {
    switch (effect.type) {
      case 'prepare':
        return this.#then(effect.id, this.#prepare(effect), { type: 'prepared', id: effect.id })
      case 'trigger':
        return this.#trigger(effect)
      case 'store':
        this.#storing = this.#write(effect)
        return
      case 'commit':
        return this.#then(effect.id, this.#host.commit(effect.id, effect.committables), { type: 'committed', id: effect.id })
      case 'conclude':
        return this.#host.conclude(effect.attempts, effect.id, effect.complete)
      case 'release': {
        for (const attemptId of this.#held.get(effect.id) ?? []) this.#host.releaseSplits(effect.id, attemptId)
        this.#held.delete(effect.id)
        return
      }
      case 'delete':
        return this.#delete(effect)
      case 'sweep':
        return void this.#search((found) => this.#dispatch({ type: 'swept', nextId: effect.nextId, ...found }))
      case 'succeed':
        return this.#answer(effect.requestId, (waiting) => waiting.succeed(effect.id, effect.path))
      case 'refuse':
        return this.#answer(effect.requestId, (waiting) => waiting.refuse(effect.error))
      case 'failJob':
        return this.#host.failJob(effect.error)
      case 'cancelJob':
        return this.#host.cancelJob()
      case 'log':
        return effect.level === 'warn' ? this.#log.warn(effect.message, effect.error) : this.#log.info(effect.message)
      default:
        return unreachable(effect)
    }
  }

  #then(id: number, action: Promise<void>, done: CoordinatorEvent): void {
    action.then(
      () => this.#dispatch(done),
      (error: unknown) => this.#dispatch({ type: 'broke', id, error: asError(error) }),
    )
  }

  async #prepare({ directory, savepoint }: Extract<CoordinatorEffect, { type: 'prepare' }>): Promise<void> {
    if (savepoint) {
      await this.#deleting // one that is taken again has the same directory as before
      return this.#store.makeDirectory(directory)
    }
    this.#jobDirectory ??= this.#store.makeDirectory(this.#context.directory)
    try {
      await this.#jobDirectory
    } catch (error) {
      this.#jobDirectory = undefined // the next checkpoint tries again
      throw error
    }
  }

  #trigger({ id, barrier, attempts }: Extract<CoordinatorEffect, { type: 'trigger' }>): void {
    this.#held.set(id, new Set(attempts))
    try {
      this.#dispatch({ type: 'enumerators', id, enumerators: this.#host.snapshotEnumerators(id, attempts) })
    } catch (error) {
      return this.#dispatch({ type: 'broke', id, error: asError(error) })
    }
    for (const attemptId of attempts) {
      this.#host.trigger(attemptId, barrier).then(
        () => this.#release(id, attemptId),
        (error: unknown) => this.#dispatch({ type: 'notTriggered', id, attemptId, error: asError(error) }),
      )
    }
  }

  #release(id: number, attemptId: ExecutionAttemptId): void {
    if (this.#held.get(id)?.delete(attemptId) === true) this.#host.releaseSplits(id, attemptId)
  }

  async #write({ id, directory, metadata, fresh, copy }: Extract<CoordinatorEffect, { type: 'store' }>): Promise<void> {
    try {
      await this.#store.verify(fresh)
      const metadataSize = await this.#store.write(directory, metadata)
      if (copy !== undefined) await this.#store.write(copy, metadata)
      this.#dispatch({ type: 'stored', id, metadata, metadataSize })
    } catch (error) {
      this.#dispatch({ type: 'broke', id, error: asError(error) })
    }
  }

  #delete({ files, directories, emptied = [] }: Deletion): void {
    if (files.length + directories.length + emptied.length === 0) return
    this.#deleting = this.#deleting.then(async () => {
      await this.#store.delete(files, [])
      for (const directory of emptied) await this.#store.empty(directory)
      await this.#store.delete([], directories)
    })
  }

  /** What lies in the job's directory. A failure is logged: nobody waits for this. */
  #search(found: (contents: Deletion) => void): Promise<void> {
    const { directory } = this.#context
    return this.#store
      .contents(directory)
      .then(found, (error: unknown) => this.#log.warn(`${directory} could not be searched for files that nobody needs`, error))
  }

  #answer(requestId: number, act: (waiting: Waiting) => void): void {
    const waiting = this.#requests.get(requestId)
    this.#requests.delete(requestId)
    if (waiting !== undefined) act(waiting)
  }
}

const BATCH = 'the job runs in batch mode (execution.runtime-mode), which keeps no state that could be continued'

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
