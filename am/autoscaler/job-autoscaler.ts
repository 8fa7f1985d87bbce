/** The autoscaler of one running job: looks at its tasks' counters again and again, and has the job rescaled. All deciding is in autoscaler.ts. */
import { isTerminalJobState } from '#core/graph/states.js'
import type { VertexId } from '#core/ids/ids.js'
import { logger } from '#core/log/logger.js'
import type { Environment, Millis, TimerHandle } from '#core/time/environment.js'
import { RescaleRefused } from '../jobmaster/requirements.js'
import type { RescaleRecord, ResourceRequirements } from '../jobmaster/scheduler/rescale.js'
import type { JobRun } from '../jobmaster/scheduler/state.js'
import { autoscale, NOTHING_SEEN, type AutoscalerEvent, type AutoscalerState, type Decision } from './autoscaler.js'
import type { Sample, SubtaskCounters } from './metrics-window.js'
import type { AutoscalerSettings } from './settings.js'

/** Tasks tell their counters twice a second. */
const SHORTEST_LOOK_MS: Millis = 500
const LONGEST_LOOK_MS: Millis = 10_000
/** So many looks make a window, within those bounds. */
const LOOKS_PER_WINDOW = 10

export interface ScaledJob {
  readonly jobId: string
  readonly run: JobRun
  /** Rows that wait at the sources, where it is known. */
  pendingRecords(): ReadonlyMap<VertexId, number>
  /** @throws JOB_RESCALE_REFUSED */
  rescale(requirements: ResourceRequirements, reason: string): string
}

export class JobAutoscaler {
  readonly settings: AutoscalerSettings
  readonly #job: ScaledJob
  readonly #environment: Environment
  readonly #log
  #state: AutoscalerState = NOTHING_SEEN
  #timer: TimerHandle | undefined
  /** Of the rescale under way that it asked for. */
  #asked: string | undefined

  constructor(job: ScaledJob, settings: AutoscalerSettings, environment: Environment) {
    this.#job = job
    this.settings = settings
    this.#environment = environment
    this.#log = logger(`Autoscaler ${job.jobId}`)
  }

  /** A snapshot; immutable. */
  get state(): AutoscalerState {
    return this.#state
  }

  /** Goes on until the job has ended. */
  start(): void {
    const every = Math.min(LONGEST_LOOK_MS, Math.max(SHORTEST_LOOK_MS, this.settings.window / LOOKS_PER_WINDOW))
    this.#timer = this.#environment.timers.after(
      every,
      () => {
        if (isTerminalJobState(this.#job.run.jobState)) return
        this.#look()
        this.start()
      },
      true,
    )
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #look(): void {
    const { run } = this.#job
    this.#followRescale(run)
    if (run.rescale !== undefined) return
    const sample = sampleOf(run, this.#job.pendingRecords(), this.#environment.clock.now())
    if (sample !== undefined) this.#on({ type: 'sample', sample, graph: run.graph.jobGraph })
  }

  #followRescale({ rescales }: JobRun): void {
    const ended = rescales.ended.find(({ uuid }) => uuid === this.#asked)
    if (ended?.end === undefined) return
    this.#asked = undefined
    if (ended.end.state === 'FAILED') this.#log.warn(`The job stays as it is: ${ended.end.message ?? ended.end.reason}`)
    const pause = ended.end.state === 'FAILED' ? undefined : pauseOf(ended)
    this.#on({ type: 'rescaled', at: ended.end.at, pause })
  }

  #on(event: AutoscalerEvent): void {
    const { state, decision } = autoscale(this.#state, event, this.settings)
    this.#state = state
    if (decision !== undefined) this.#carryOut(decision)
  }

  #carryOut(decision: Decision): void {
    this.#log.info(`${decision.kind}: ${decision.reason}`)
    if (decision.kind !== 'scale') return
    try {
      this.#asked = this.#job.rescale(requirementsOf(decision, this.#job.run), `autoscaler: ${decision.reason}`)
    } catch (error) {
      if (!RescaleRefused.is(error)) throw error
      this.#log.info(error.message)
      this.#on({ type: 'rescaled', at: decision.at, pause: undefined })
    }
  }
}

/** When fewer slots can be had than wanted, what there is is better than nothing. */
function requirementsOf({ parallelism }: Decision, { graph }: JobRun): ResourceRequirements {
  return new Map(
    graph.jobGraph.vertices.map(({ id, parallelism: now }) => {
      const upper = parallelism.get(id) ?? now
      return [id, { lower: Math.min(now, upper), upper }]
    }),
  )
}

/** Undefined: not all tasks run. */
function sampleOf({ graph, jobState }: JobRun, pending: ReadonlyMap<VertexId, number>, at: Millis): Sample | undefined {
  if (jobState !== 'RUNNING') return undefined
  const vertices = new Map<VertexId, SubtaskCounters[]>()
  const attempts: string[] = []
  for (const { vertex, executions } of graph.vertices) {
    const counters: SubtaskCounters[] = []
    for (const { state, metrics, attempt } of executions) {
      if (metrics === undefined || (state !== 'RUNNING' && state !== 'FINISHED')) return undefined
      const { recordsIn, recordsOut, busyMs, backPressuredMs } = metrics
      counters.push({ recordsIn, recordsOut, busyMs, backPressuredMs })
      attempts.push(String(attempt))
    }
    attempts.push('/')
    vertices.set(vertex.id, counters)
  }
  return { at, attempts: attempts.join(' '), vertices, pending }
}

/** For how long affected tasks did not run. */
function pauseOf({ phases }: RescaleRecord): Millis {
  const start = phases.find(({ phase }) => phase === 'cancel')?.start
  const end = phases.findLast(({ phase }) => phase === 'deploy')?.end
  return start === undefined || end === undefined ? 0 : end - start
}
