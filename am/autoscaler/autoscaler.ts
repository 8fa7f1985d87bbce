/**
 * The autoscaler of one job: `(state, event) → (state, decision)`. Pure; time comes with the events. After the autoscaler of Flink's
 * Kubernetes operator: rates over a window, a band around the target, scale ups at once, scale downs when they have been wanted for a while.
 */
import type { JobGraph } from '#core/graph/job-graph.js'
import type { VertexId } from '#core/ids/ids.js'
import type { Millis } from '#core/time/environment.js'
import { evaluate, type VertexEvaluation } from './evaluate.js'
import { addSample, ratesOf, type MetricsWindow, type Sample } from './metrics-window.js'
import type { AutoscalerSettings } from './settings.js'

export interface Decision {
  readonly at: Millis
  /** scale: the job is rescaled. suggest: it would be, were scaling enabled. hold: it should be, but is not. */
  readonly kind: 'scale' | 'suggest' | 'hold'
  readonly reason: string
  readonly vertices: readonly VertexEvaluation[]
  /** By vertex, all of the job. */
  readonly parallelism: ReadonlyMap<VertexId, number>
}

/** A scale up whose gain is looked at when the vertex runs at `to`. */
interface ScaledUp {
  readonly to: number
  readonly before: number
  readonly expected: number
}

interface WantedDown {
  readonly since: Millis
  /** Highest parallelism that was wanted since, as soon as rates are not mixed any more with those of before; 0: they are. */
  readonly highest: number
}

export interface AutoscalerState {
  readonly window: MetricsWindow | undefined
  /** What was seen last, for people; in the order of the graph. */
  readonly evaluation: readonly VertexEvaluation[]
  readonly wantedDown: ReadonlyMap<VertexId, WantedDown>
  readonly scaledUp: ReadonlyMap<VertexId, ScaledUp>
  /** Newest first, bounded. */
  readonly decisions: readonly Decision[]
  /** The longest pause of a rescale. */
  readonly longestRestart: Millis | undefined
  /** After a rescale that failed nothing is tried before this time. */
  readonly notBefore: Millis
}

export const NOTHING_SEEN: AutoscalerState = {
  window: undefined,
  evaluation: [],
  wantedDown: new Map(),
  scaledUp: new Map(),
  decisions: [],
  longestRestart: undefined,
  notBefore: Number.NEGATIVE_INFINITY,
}

export type AutoscalerEvent =
  /** All tasks run. */
  | { readonly type: 'sample'; readonly sample: Sample; readonly graph: JobGraph }
  /** `pause`: for how long tasks did not run; undefined: it did not come to a restart, since it failed. */
  | { readonly type: 'rescaled'; readonly at: Millis; readonly pause: Millis | undefined }

export interface AutoscalerStep {
  readonly state: AutoscalerState
  /** Made just now. */
  readonly decision: Decision | undefined
}

/** A rescale that failed is tried again after so long at the least: what it lacked may take a while to come. */
const RETRY_MS: Millis = 60_000

export function autoscale(state: AutoscalerState, event: AutoscalerEvent, settings: AutoscalerSettings): AutoscalerStep {
  switch (event.type) {
    case 'rescaled': {
      if (event.pause === undefined) {
        const notBefore = event.at + Math.max(RETRY_MS, settings.stabilization)
        return { state: { ...state, notBefore, scaledUp: new Map() }, decision: undefined }
      }
      return { state: { ...state, longestRestart: Math.max(state.longestRestart ?? 0, event.pause) }, decision: undefined }
    }
    case 'sample':
      return onSample(state, event.sample, event.graph, settings)
  }
}

function onSample(state: AutoscalerState, sample: Sample, graph: JobGraph, settings: AutoscalerSettings): AutoscalerStep {
  const window = addSample(state.window, sample, settings.window, settings.stabilization)
  const rates = ratesOf(window, settings.window)
  if (rates === undefined) return { state: { ...state, window }, decision: undefined }
  const evaluation = evaluate(graph, rates, settings, restartTime(state, settings))
  const { changed, wantedDown, blocked } = choose(state, evaluation, sample.at, settings)
  const seen: AutoscalerState = { ...state, window, evaluation, wantedDown }
  if (changed.size === 0 && blocked.length === 0) return { state: seen, decision: undefined }
  const held = changed.size === 0 ? blocked.join('; ') : sample.at < state.notBefore ? 'the last rescale failed' : undefined
  const kind = held !== undefined ? 'hold' : settings.scalingEnabled ? 'scale' : 'suggest'
  const parallelism = new Map(evaluation.map((each) => [each.vertexId, changed.get(each.vertexId) ?? each.parallelism]))
  const reason = [describe(evaluation, changed), ...(held === undefined ? [] : [`held back: ${held}`])]
    .filter((part) => part !== '')
    .join('; ')
  const decision: Decision = { at: sample.at, kind, reason, vertices: evaluation, parallelism }
  if (!isNews(state.decisions[0], decision)) return { state: seen, decision: undefined }
  const decisions = [decision, ...state.decisions]
    .filter(({ at }) => sample.at - at <= settings.history.age)
    .slice(0, settings.history.count)
  const scaledUp = kind === 'scale' ? expectations(evaluation, changed) : seen.scaledUp
  return { state: { ...seen, decisions, scaledUp, wantedDown: kind === 'scale' ? new Map() : wantedDown }, decision }
}

/** What would be told again with every look is told once. */
function isNews(last: Decision | undefined, next: Decision): boolean {
  if (last === undefined || next.kind === 'scale' || last.kind !== next.kind) return true
  return [...next.parallelism].some(([id, parallelism]) => last.parallelism.get(id) !== parallelism)
}

function restartTime({ longestRestart }: AutoscalerState, { trackedRestartLimit, restartTime: expected }: AutoscalerSettings): Millis {
  if (trackedRestartLimit === undefined || longestRestart === undefined) return expected
  return Math.min(longestRestart, trackedRestartLimit)
}

interface Choice {
  readonly changed: ReadonlyMap<VertexId, number>
  readonly wantedDown: ReadonlyMap<VertexId, WantedDown>
  /** Scale ups that are not done, in words. */
  readonly blocked: readonly string[]
}

function choose(state: AutoscalerState, evaluation: readonly VertexEvaluation[], now: Millis, settings: AutoscalerSettings): Choice {
  const wantedDown = new Map<VertexId, WantedDown>()
  const changed = new Map<VertexId, number>()
  const blocked: string[] = []
  const outside = evaluation.filter((each) => isOutside(each, settings))
  for (const each of evaluation) {
    const { vertexId, parallelism, wanted, fixed } = each
    if (fixed !== undefined || wanted === parallelism) continue
    // What is joined with a vertex outside the band goes with it.
    if (wanted > parallelism) {
      if (!outside.some((other) => isTooBusy(other, settings))) continue
      const useless = ineffective(state.scaledUp.get(vertexId), each, settings)
      if (useless === undefined) changed.set(vertexId, wanted)
      else blocked.push(useless)
    } else if (isTooIdle(each, settings)) {
      const before = state.wantedDown.get(vertexId)
      const since = before?.since ?? now
      const unmixed = now - since >= Math.min(settings.window, settings.scaleDownInterval)
      const down = { since, highest: unmixed ? Math.max(before?.highest ?? 0, wanted) : 0 }
      wantedDown.set(vertexId, down)
      if (now - down.since >= settings.scaleDownInterval && down.highest < parallelism) changed.set(vertexId, down.highest)
    }
  }
  return { changed, wantedDown, blocked }
}

function isOutside(each: VertexEvaluation, settings: AutoscalerSettings): boolean {
  return each.fixed === undefined && (isTooBusy(each, settings) || isTooIdle(each, settings))
}

/** By default the band ends at 1, which is never exceeded where nothing shows that more is waiting. */
function isTooBusy(each: VertexEvaluation, { utilization: band }: AutoscalerSettings): boolean {
  return each.saturated || each.targetRate / band.max + each.catchUpRate > each.trueProcessingRate
}

function isTooIdle(each: VertexEvaluation, { utilization: band }: AutoscalerSettings): boolean {
  return each.targetRate + each.catchUpRate * band.min < each.trueProcessingRate * band.min
}

/** In words; undefined: there is nothing against another scale up. */
function ineffective(last: ScaledUp | undefined, now: VertexEvaluation, { effectiveness }: AutoscalerSettings): string | undefined {
  if (effectiveness === undefined || last === undefined || now.parallelism !== last.to) return undefined
  if (now.trueProcessingRate - last.before >= effectiveness * (last.expected - last.before)) return undefined
  return `'${now.name}' did not become faster when it was scaled up to ${last.to} (${rate(last.before)} rows/s before, ${rate(now.trueProcessingRate)} now)`
}

function expectations(evaluation: readonly VertexEvaluation[], changed: ReadonlyMap<VertexId, number>): Map<VertexId, ScaledUp> {
  const scaledUp = new Map<VertexId, ScaledUp>()
  for (const { vertexId, parallelism, trueProcessingRate: before } of evaluation) {
    const to = changed.get(vertexId)
    if (to !== undefined && to > parallelism && before < Infinity)
      scaledUp.set(vertexId, { to, before, expected: (before * to) / parallelism })
  }
  return scaledUp
}

function describe(evaluation: readonly VertexEvaluation[], changed: ReadonlyMap<VertexId, number>): string {
  return evaluation
    .flatMap(({ vertexId, name, parallelism, utilization, targetRate, trueProcessingRate }) => {
      const to = changed.get(vertexId)
      if (to === undefined) return []
      const can = trueProcessingRate === Infinity ? 'hardly works' : `can take ${rate(trueProcessingRate)}`
      return [`'${name}' ${parallelism} -> ${to}: ${rate(targetRate)} rows/s are wanted, it ${can}, utilisation ${utilization.toFixed(2)}`]
    })
    .join('; ')
}

function rate(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(1)
}
