/**
 * Rescaling: the job's way to another parallelism. Tasks go on until all is there that the switch needs (slots,
 * then a checkpoint), so that a rescale that cannot be had costs nothing; then what is affected restarts as after a failure, from that
 * checkpoint, at the new parallelism. Flink's adaptive scheduler, with the slots before the switch.
 */
import type { AllocationId, VertexId } from '#core/ids/ids.js'
import { go, then, type Step } from '#core/machine/step.js'
import type { Millis } from '#core/time/environment.js'
import { executions, mapExecutions, slotsNeeded } from '../executiongraph/execution-graph.js'
import { allRegions } from '../executiongraph/pipelined-regions.js'
import { changedVertices, connectedVertices, rescaledGraph, withParallelism, type Parallelism } from '../executiongraph/rescaled-graph.js'
import { describeCauses } from '../checkpoint/give-up.js'
import { deploymentDescriptor } from '../deployment/deployment-descriptor.js'
import { assignSlots, canHold, mostHeld } from '../slotpool/slot-assignment.js'
import { removeSlot } from '../slotpool/slot-pool.js'
import {
  beginRescale,
  cutTo,
  enterPhase,
  parallelismWithin,
  recordEnd,
  type PendingRescale,
  type RescaleEnd,
  type RescaleRequest,
} from './rescale.js'
import type { JobRun, Moment, Restart, SchedulerEffect, SchedulerSettings, SchedulerState, StateOf, TaskDeployment } from './state.js'

type SchedulerStep = Step<SchedulerState, SchedulerEffect>
type JobStep = Step<JobRun, SchedulerEffect>

/** In any state but a closing one; `executing`: the tasks run, so it begins at once. */
export function requestRescale(
  job: JobRun,
  request: RescaleRequest,
  executing: boolean,
  moment: Moment,
  settings: SchedulerSettings,
): JobStep {
  if (isSwitching(job.rescale)) return go(job)
  const cleared =
    job.rescale === undefined
      ? job
      : endRescale(job, { at: moment.now, state: 'IGNORED', reason: 'RESOURCE_REQUIREMENTS_UPDATED', message: undefined }, settings)
  const parallelism: Parallelism = new Map([...request.requirements].map(([id, { upper }]) => [id, upper]))
  const attempt = cleared.rescales.attempts + 1
  const begun = beginRescale(request, job.graph.jobGraph, parallelism, attempt, 'waiting', moment.now)
  const pending: JobRun = { ...cleared, rescale: begun, rescales: { ...cleared.rescales, attempts: attempt } }
  if (affectedVertices(pending, parallelism).size === 0) {
    const end: RescaleEnd = {
      at: moment.now,
      state: 'IGNORED',
      reason: 'NO_RESOURCES_OR_PARALLELISMS_CHANGE',
      message: 'the job runs at that parallelism',
    }
    const ignored = endRescale({ ...pending, requirements: request.requirements }, end, settings)
    return executing && job.rescale !== undefined ? settleSlots(ignored) : go(ignored)
  }
  return executing ? seekSlots(pending, moment, settings) : go(pending)
}

/** The job's tasks are deployed (again): what waited for that goes on. */
export function resumeRescale(job: JobRun, moment: Moment, settings: SchedulerSettings): JobStep {
  const { rescale } = job
  if (rescale?.phase === 'restore') return go({ ...job, rescale: enterPhase(rescale, 'deploy', moment.now) })
  if (rescale?.phase === 'waiting') return seekSlots(job, moment, settings)
  return go(job)
}

/** Tasks have failed: a rescale that has not begun to switch waits until they run again. */
export function pauseRescale(job: JobRun, now: Millis): JobStep {
  const { rescale } = job
  if (rescale === undefined || isSwitching(rescale) || rescale.phase === 'waiting') return go(job)
  return go({ ...job, rescale: enterPhase(rescale, 'waiting', now) }, { type: 'cancelTimer', timer: 'rescale-slots' })
}

/** A slot came while the tasks run. */
export function onSlotOffered(state: StateOf<'Executing'>, moment: Moment): SchedulerStep {
  return inState(state, prepareIfHeld(state.job, moment))
}

/** The slots did not come in time, or never will: what there is is made use of, as far as the lower bounds allow. */
export function onSlotsTimeout(state: StateOf<'Executing'>, error: Error, moment: Moment, settings: SchedulerSettings): SchedulerStep {
  const { job } = state
  const { rescale } = job
  if (rescale?.phase !== 'slots') return go(state)
  const within = parallelismWithin(rescale.request.requirements, mostHeld(job.slots))
  if (within === undefined || affectedVertices(job, within).size === 0) return inState(state, giveUpRescale(job, error, moment, settings))
  return inState(state, prepareIfHeld({ ...job, rescale: cutTo(rescale, within, error.message) }, moment))
}

/** All affected tasks have ended: the execution graph is unfolded at the new parallelism. */
export function rescaled(job: JobRun, restart: Restart, moment: Moment): { readonly job: JobRun; readonly restart: Restart } {
  const { rescale } = job
  if (rescale?.phase !== 'cancel') return { job, restart }
  const affected = affectedVertices(job, rescale.parallelism)
  const { graph, regions } = rescaledGraph(job.graph, rescale.parallelism, affected, restart.regions, moment.now)
  return {
    job: { ...job, graph, requirements: rescale.request.requirements, rescale: enterPhase(rescale, 'restore', moment.now) },
    restart: { ...restart, regions: restart.global ? allRegions(graph.regions) : regions },
  }
}

/** A task runs: was it the last one? */
export function completeRescale(job: JobRun, now: Millis, settings: SchedulerSettings): JobRun {
  const { rescale } = job
  if (rescale?.phase !== 'deploy') return job
  for (const { state } of executions(job.graph)) if (state !== 'RUNNING' && state !== 'FINISHED') return job
  return endRescale(job, { at: now, state: 'COMPLETED', reason: 'SUCCEEDED', message: rescale.cut }, settings)
}

/** Takes note of the end of what is under way, if anything is. */
export function endRescale(job: JobRun, end: RescaleEnd, settings: SchedulerSettings): JobRun {
  const { rescale } = job
  if (rescale === undefined) return job
  return { ...job, rescale: undefined, rescales: recordEnd(job.rescales, rescale.record, end, settings.rescaleHistorySize) }
}

/** From here on it is a restart: nothing else can take its place. */
export function isSwitching(rescale: PendingRescale | undefined): boolean {
  return rescale?.phase === 'cancel' || rescale?.phase === 'restore' || rescale?.phase === 'deploy'
}

export function inState(state: StateOf<'Executing'>, step: JobStep): SchedulerStep {
  return { state: { ...state, job: step.state }, effects: step.effects }
}

export function seekSlots(job: JobRun, moment: Moment, settings: SchedulerSettings): JobStep {
  const { rescale } = job
  if (rescale === undefined) return go(job)
  const seeking: JobRun = { ...job, rescale: enterPhase(rescale, 'slots', moment.now) }
  const asked = go<JobRun, SchedulerEffect>(seeking, declareSlots(seeking, []), {
    type: 'startTimer',
    timer: 'rescale-slots',
    delay: settings.resourceWaitTimeout,
  })
  return then(asked, (next) => prepareIfHeld(next, moment))
}

function prepareIfHeld(job: JobRun, moment: Moment): JobStep {
  const { rescale } = job
  if (rescale?.phase !== 'slots' || !canHold(job.slots, slotsWanted(job, rescale))) return go(job)
  const round = rescale.round + 1
  return go<JobRun, SchedulerEffect>(
    { ...job, rescale: { ...enterPhase(rescale, 'checkpoint', moment.now), round } },
    { type: 'cancelTimer', timer: 'rescale-slots' },
    {
      type: 'prepareRescale',
      round,
      jobGraph: withParallelism(job.graph.jobGraph, rescale.parallelism),
      tasks: tasksToCome(job, rescale, moment.now),
    },
  )
}

/** What the switch would deploy if it came now; without the state that it begins with. */
function tasksToCome(job: JobRun, rescale: PendingRescale, now: Millis): TaskDeployment[] {
  const affected = affectedVertices(job, rescale.parallelism)
  const { graph: unplaced, regions } = rescaledGraph(job.graph, rescale.parallelism, affected, new Set(), now)
  const slots = assignSlots(unplaced, job.slots, regions)
  if (slots === undefined) return []
  const graph = mapExecutions(unplaced, (execution, vertex) =>
    affected.has(vertex.id) ? { ...execution, slot: slots.get(execution.subtaskIndex) } : execution,
  )
  return graph.vertices.flatMap(({ vertex, executions: all }) =>
    all.flatMap((execution) => {
      if (execution.slot === undefined || !affected.has(vertex.id)) return []
      return [{ slot: execution.slot, descriptor: deploymentDescriptor(graph, vertex, execution) }]
    }),
  )
}

/** Tasks go on as they are. */
export function giveUpRescale(job: JobRun, problem: Error, moment: Moment, settings: SchedulerSettings): JobStep {
  const end: RescaleEnd = { at: moment.now, state: 'FAILED', reason: 'EXCEPTION_OCCURRED', message: describeCauses(problem) }
  return settleSlots(endRescale(job, end, settings))
}

/** Slots that were got for a rescale that does not come go back; those that are still to come, when they do. */
function settleSlots(job: JobRun): JobStep {
  const used = new Set([...executions(job.graph)].map(({ slot }) => slot?.allocationId))
  const needed = slotsNeeded(job.graph.jobGraph)
  const kept = job.slots.filter((slot) => used.has(slot.allocationId))
  const spare = job.slots.filter((slot) => !used.has(slot.allocationId))
  const surplus = spare.slice(Math.max(0, needed - kept.length))
  const slots = surplus.reduce((pool, { allocationId }) => removeSlot(pool, allocationId), job.slots)
  const settled = { ...job, slots }
  const giveBack = surplus.map(({ allocationId }) => allocationId)
  return go<JobRun, SchedulerEffect>(settled, { type: 'cancelTimer', timer: 'rescale-slots' }, declareSlots(settled, giveBack))
}

/** What the rescale needs, or the job as it is when that is more. */
export function declareSlots(job: JobRun, giveBack: readonly AllocationId[]): SchedulerEffect {
  const now = slotsNeeded(job.graph.jobGraph)
  const count = job.rescale === undefined ? now : Math.max(now, slotsWanted(job, job.rescale))
  return giveBack.length === 0 ? { type: 'declareSlots', count } : { type: 'declareSlots', count, giveBack }
}

export function slotsWanted({ graph }: JobRun, { parallelism }: PendingRescale): number {
  return slotsNeeded(withParallelism(graph.jobGraph, parallelism))
}

/**
 * Vertices whose tasks start again: those that change and all that they are connected with. Where slots reach each other only within a
 * process all tasks move together.
 */
export function affectedVertices(job: JobRun, parallelism: Parallelism): ReadonlySet<VertexId> {
  const { jobGraph } = job.graph
  const changed = changedVertices(jobGraph, parallelism)
  if (changed.length === 0) return new Set()
  if (job.slots.some(({ location }) => location.dataPort === 0)) return new Set(jobGraph.vertices.map(({ id }) => id))
  return connectedVertices(jobGraph, changed)
}
