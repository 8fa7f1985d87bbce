/**
 * The beginning of a job under a master that follows another: tasks that run are taken over region by region, the others end and start again
 * from the newest complete checkpoint, as after a failure.
 */
import { inState, mapExecutions, type Execution } from '../executiongraph/execution-graph.js'
import { allRegions, regionOf } from '../executiongraph/pipelined-regions.js'
import { go, then, type Step } from '#core/machine/step.js'
import { returnSurplus } from './deploying.js'
import { advance } from './failover.js'
import { enterJobState } from './job-run.js'
import { declareSlots, resumeRescale } from './rescaling.js'
import type { JobRun, Moment, Restart, SchedulerEffect, SchedulerEvent, SchedulerSettings, SchedulerState } from './state.js'

/** `job`: at the parallelism that it goes on with, nothing deployed. Tasks taken over are INITIALIZING until their worker has said that they run. */
export function adoptTasks(
  job: JobRun,
  { adopted }: Extract<SchedulerEvent, { type: 'tasksAdopted' }>,
  moment: Moment,
  settings: SchedulerSettings,
): Step<SchedulerState, SchedulerEffect> {
  const { now } = moment
  const slots = new Map(adopted.slots.map((slot) => [slot.allocationId, slot]))
  const executions = new Map(adopted.executions.map((each) => [`${each.vertexId}/${each.subtaskIndex}`, each]))
  const regions = new Set(adopted.regions)
  // A worker may have gone since.
  for (const { vertexId, subtaskIndex, allocationId } of adopted.executions)
    if (!slots.has(allocationId)) regions.delete(regionOf(job.graph.regions, vertexId, subtaskIndex))
  const effects: SchedulerEffect[] = [{ type: 'cancelTimer', timer: 'resource-wait' }]
  const graph = mapExecutions(job.graph, (execution, vertex): Execution => {
    const earlier = executions.get(`${vertex.id}/${execution.subtaskIndex}`)
    const slot = earlier === undefined ? undefined : slots.get(earlier.allocationId)
    if (earlier === undefined || slot === undefined) return inState(execution, 'CANCELED', now) // it ends without this master, if it has not
    const { attemptId, attempt } = earlier
    const found: Execution = { ...execution, attemptId, attempt, slot }
    if (regions.has(regionOf(job.graph.regions, vertex.id, execution.subtaskIndex))) return inState(found, 'INITIALIZING', now)
    effects.push({ type: 'cancelTask', attemptId, resourceId: slot.location.resourceId })
    return inState(found, 'CANCELING', now)
  })
  const known = go<JobRun, SchedulerEffect>({ ...job, graph, slots: adopted.slots }, ...effects)
  const others = new Set([...allRegions(graph.regions)].filter((region) => !regions.has(region)))
  if (others.size === 0) {
    const running = then(known, (next) => enterJobState(next, 'RUNNING', now))
    const settled = then(
      then(running, (next) => returnSurplus(next)),
      (next) => resumeRescale(next, moment, settings),
    )
    return { state: { name: 'Executing', job: settled.state, committing: false }, effects: settled.effects }
  }
  const restart: Restart = {
    regions: others,
    // Coordinators have begun, unless nothing goes on.
    global: regions.size === 0,
    pausing: false,
    coordinators: { name: 'idle' },
    coordinatorsPause: false,
    lackingSlots: false,
  }
  const restarting = then(
    then(known, (next) => enterJobState(next, 'RESTARTING', now)),
    (next) => go<JobRun, SchedulerEffect>(next, declareSlots(next, [])),
  )
  return then(restarting, (next) => advance({ name: 'Restarting', job: next, failure: undefined, restart }, moment, settings))
}
