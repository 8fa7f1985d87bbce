/**
 * What each vertex has to do and what it can do: rates wanted at the sources are carried along the edges by how many rows come out for each
 * that goes in. After Flink's ScalingMetricEvaluator. Pure.
 */
import type { JobGraph } from '#core/graph/job-graph.js'
import type { VertexId } from '#core/ids/ids.js'
import { parallelismLimits } from '../jobmaster/executiongraph/parallelism-limits.js'
import type { VertexRates } from './metrics-window.js'
import type { AutoscalerSettings } from './settings.js'

/** Rows per second and shares of time. */
export interface VertexEvaluation {
  readonly vertexId: VertexId
  readonly name: string
  readonly parallelism: number
  readonly recordsIn: number
  readonly busy: number
  /** Rows that it would take if it were busy all the time; Infinity: it is hardly ever busy. */
  readonly trueProcessingRate: number
  /** Rows that it should take, so that no more wait at the sources than now. */
  readonly targetRate: number
  /** Rows that it should take besides, so that those that wait are worked off in the time for that. */
  readonly catchUpRate: number
  /** targetRate / trueProcessingRate. */
  readonly utilization: number
  /** It is busy all the time, and not all sources tell what waits at them: more may wait than anything here shows. */
  readonly saturated: boolean
  /** Parallelism that brings it to the target utilisation, in its bounds. */
  readonly wanted: number
  /** Why it is not scaled; undefined: it is. */
  readonly fixed: string | undefined
}

/** Busy for less than this share tells nothing of how fast it is. */
const LEAST_BUSY = 0.001
/**
 * Busy for so much of the time is as busy as can be. Its source need not be held back by that: one that shares its thread, or that asks for the
 * next split when the last one is done, is only slow, and nobody can tell from its rate that more is waiting.
 */
const SATURATED = 0.98
/**
 * Sources that are held back would read more; how much is not known unless they tell. Twice the rate is asked for at most, and the next look tells more:
 * what comes too much would have to go back.
 */
const MOST_HELD_BACK = 2

/** In the order of the graph. `rates`: of every vertex. */
export function evaluate(
  graph: JobGraph,
  rates: ReadonlyMap<VertexId, VertexRates>,
  settings: AutoscalerSettings,
  restartTime: number,
): VertexEvaluation[] {
  const unknown = graph.vertices.some(({ id }) => isSource(graph, id) && rates.get(id)?.pending === undefined)
  const targets = alongEdges(graph, rates, sourceRate)
  const waiting = alongEdges(graph, rates, ({ pending }) => (settings.catchUp <= 0 ? 0 : ((pending?.rows ?? 0) / settings.catchUp) * 1000))
  const limits = parallelismLimits(graph)
  const single = new Map<VertexId, VertexEvaluation>()
  for (const { id, name, parallelism } of graph.vertices) {
    const rate = rates.get(id) ?? NO_RATES
    const limit = limits.get(id)
    const trueProcessingRate = rate.busy < LEAST_BUSY ? Infinity : rate.recordsIn / rate.busy
    const targetRate = targets.get(id) ?? 0
    const fixed = limit?.fixed ?? (settings.excluded.has(id) ? 'it is excluded (job.autoscaler.vertex.exclude.ids)' : undefined)
    const utilization = targetRate === 0 ? 0 : targetRate / trueProcessingRate
    const catchUpRate = waiting.get(id) ?? 0
    const capacity = targetRate / settings.utilization.target + catchUpRate + afterRestart(targetRate, settings, restartTime)
    const needed = parallelism * (capacity === 0 ? 0 : capacity / trueProcessingRate)
    const max = limit?.max ?? parallelism
    const wanted = fixed === undefined ? bounded(needed, parallelism, max, settings) : parallelism
    const { recordsIn, busy } = rate
    const saturated = unknown && busy >= SATURATED
    const known = { vertexId: id, name, parallelism, recordsIn, busy, trueProcessingRate, targetRate, catchUpRate }
    single.set(id, { ...known, utilization, saturated, wanted, fixed })
  }
  // What is joined one to one goes together, as far as the one that needs most.
  return graph.vertices.flatMap(({ id }) => {
    const own = single.get(id)
    if (own === undefined) return []
    const group = (limits.get(id)?.group ?? [id]).flatMap((member) => single.get(member) ?? [])
    const excluded = group.find(({ fixed }) => fixed !== undefined)
    if (excluded !== undefined) return [{ ...own, wanted: own.parallelism, fixed: own.fixed ?? `it goes with '${excluded.name}'` }]
    return [{ ...own, wanted: Math.max(...group.map(({ wanted }) => wanted)) }]
  })
}

const NO_RATES: VertexRates = { recordsIn: 0, recordsOut: 0, busy: 0, backPressured: 0 }

/** What comes while the job is rescaled is to be worked off in the time to catch up. */
function afterRestart(targetRate: number, { catchUp }: AutoscalerSettings, restartTime: number): number {
  return catchUp <= 0 ? 0 : (targetRate * restartTime) / catchUp
}

function bounded(needed: number, parallelism: number, max: number, settings: AutoscalerSettings): number {
  const least = Math.max(settings.parallelism.min, Math.ceil(parallelism * (1 - settings.maxScaleDown) - 1e-9), 1)
  const most = Math.min(settings.parallelism.max, max, Math.floor(parallelism * (1 + settings.maxScaleUp) + 1e-9))
  return Math.max(Math.min(least, max), Math.min(most, Math.ceil(needed - 1e-9)))
}

function isSource(graph: JobGraph, id: VertexId): boolean {
  return graph.edges.every(({ target }) => target !== id)
}

/** What comes to a source: what it reads, and what is left waiting each second. */
function sourceRate({ recordsIn, backPressured, pending }: VertexRates): number {
  if (pending !== undefined) return Math.max(0, recordsIn + pending.growth)
  return recordsIn * Math.min(MOST_HELD_BACK, 1 / Math.max(1e-9, 1 - backPressured))
}

/** What sources give rise to at each vertex. */
function alongEdges(
  graph: JobGraph,
  rates: ReadonlyMap<VertexId, VertexRates>,
  atSource: (rates: VertexRates) => number,
): Map<VertexId, number> {
  const targets = new Map<VertexId, number>()
  const inputs = (id: VertexId) => graph.edges.filter((edge) => edge.target === id)
  const of = (id: VertexId): number => {
    const known = targets.get(id)
    if (known !== undefined) return known
    const edges = inputs(id)
    const rate = rates.get(id) ?? NO_RATES
    const target =
      edges.length === 0
        ? atSource(rate)
        : edges.reduce((total, { source }) => total + of(source) * outputRatio(graph, rates, source, id), 0)
    targets.set(id, target)
    return target
  }
  for (const { id } of graph.vertices) of(id)
  return targets
}

/** Rows that reach `target` for each row that `source` takes. */
function outputRatio(graph: JobGraph, rates: ReadonlyMap<VertexId, VertexRates>, source: VertexId, target: VertexId): number {
  const [from, to] = [rates.get(source) ?? NO_RATES, rates.get(target) ?? NO_RATES]
  if (from.recordsIn === 0) return 0
  // The only input: what comes in there is what goes out here, whatever else the source feeds.
  const only = graph.edges.filter((edge) => edge.target === target).length === 1
  if (only) return to.recordsIn / from.recordsIn
  const outputs = graph.edges.filter((edge) => edge.source === source).length
  return from.recordsOut / outputs / from.recordsIn
}
