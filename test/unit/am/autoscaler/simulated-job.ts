/**
 * A job on paper, for the autoscaler: vertices of a known speed behind a source whose rate follows a script, in steps of a second. What does
 * not fit holds back what is before it, as in the engine; a rescale stops everything for a while.
 */
import type { VertexId } from '#core/ids/ids.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import { autoscale, NOTHING_SEEN, type AutoscalerState, type Decision } from '#am/autoscaler/autoscaler.js'
import type { SubtaskCounters } from '#am/autoscaler/metrics-window.js'
import type { AutoscalerSettings } from '#am/autoscaler/settings.js'
import { withParallelism } from '#am/jobmaster/executiongraph/rescaled-graph.js'
import { edge, hexId, sourceToSink, streaming, vertex } from '../job-graphs.js'

export interface SimulatedVertex {
  /** Rows per second that one subtask takes when it does nothing else. */
  readonly speed: number
  /** Rows out for each row in. */
  readonly ratio: number
}

export const SETTINGS: AutoscalerSettings = {
  scalingEnabled: true,
  window: 5_000,
  stabilization: 3_000,
  utilization: { target: 0.7, min: 0.4, max: 0.9 },
  scaleDownInterval: 10_000,
  maxScaleDown: 0.6,
  maxScaleUp: 100_000,
  catchUp: 600_000,
  restartTime: 2_000,
  trackedRestartLimit: undefined,
  parallelism: { min: 1, max: 64 },
  excluded: new Set(),
  effectiveness: undefined,
  history: { count: 100, age: 86_400_000 },
}

/** A chain: the first is the source. */
export function chain(vertices: readonly SimulatedVertex[], parallelism = 1): JobGraph {
  const { operators } = sourceToSink().vertices[0] as JobGraph['vertices'][number]
  const spec = (operators[0] as (typeof operators)[number]).spec
  return {
    ...streaming(sourceToSink()),
    vertices: vertices.map((_, index) => vertex(index + 1, `v${index}`, parallelism, spec)),
    edges: vertices.slice(1).map((_, index) => edge(index + 1, index + 2, { kind: 'REBALANCE' })),
  }
}

interface Counted {
  recordsIn: number
  recordsOut: number
  busyMs: number
  backPressuredMs: number
}

export class SimulatedJob {
  state: AutoscalerState = NOTHING_SEEN
  readonly decisions: Decision[] = []
  graph: JobGraph
  now = 0
  /** Rows per second that come out of the last vertex, for each row of the source: of the last second. */
  delivered = 0
  vertices: readonly SimulatedVertex[]
  /** The source reads no more than what is taken, and nobody sees that it is held back. */
  silent = false
  /** Its rows wait in splits, and it tells how many there are. */
  tells = false
  pending = 0
  readonly #settings: AutoscalerSettings
  #counters = new Map<VertexId, Counted>()
  #attempt = 0
  #downUntil = 0

  constructor(vertices: readonly SimulatedVertex[], settings: AutoscalerSettings = SETTINGS, parallelism = 1) {
    this.vertices = vertices
    this.#settings = settings
    this.graph = chain(vertices, parallelism)
  }

  get parallelism(): number[] {
    return this.graph.vertices.map((each) => each.parallelism)
  }

  /** `rate`: rows per second at the source. `noise`: in [-1, 1], of that second. */
  second(rate: number, noise = 0): void {
    this.now += 1000
    const offered = rate * (1 + noise)
    if (this.now <= this.#downUntil) return void (this.pending += this.tells ? offered : 0)
    this.#flow(offered + this.pending)
    if (this.tells) this.pending = (offered + this.pending) * (1 - this.delivered)
    const vertices = new Map<VertexId, SubtaskCounters[]>()
    for (const { id, parallelism } of this.graph.vertices) {
      const { recordsIn, recordsOut, busyMs, backPressuredMs } = this.#counter(id)
      const share = { recordsIn: recordsIn / parallelism, recordsOut: recordsOut / parallelism, busyMs, backPressuredMs }
      vertices.set(
        id,
        Array.from({ length: parallelism }, () => share),
      )
    }
    const pending = new Map(this.tells ? [[(this.graph.vertices[0] as JobGraph['vertices'][number]).id, this.pending]] : [])
    const sample = { at: this.now, attempts: String(this.#attempt), vertices, pending }
    const { state, decision } = autoscale(this.state, { type: 'sample', sample, graph: this.graph }, this.#settings)
    this.state = state
    if (decision === undefined) return
    this.decisions.push(decision)
    if (decision.kind === 'scale') this.#rescale(decision)
  }

  seconds(count: number, rate: number, noise: () => number = () => 0): void {
    for (let i = 0; i < count; i++) this.second(rate, noise())
  }

  #flow(rate: number): void {
    // What the source can read without anything in the chain growing a queue.
    let most = Infinity
    let ratio = 1
    for (const [index, { speed, ratio: out }] of this.vertices.entries()) {
      most = Math.min(most, (speed * (this.parallelism[index] ?? 1)) / ratio)
      ratio *= out
    }
    const flow = Math.min(rate, most)
    const held = flow < rate
    let rows = flow
    let bottleneck = this.vertices.length
    let through = 1
    for (const [index, { speed, ratio: out }] of this.vertices.entries()) {
      if (held && bottleneck === this.vertices.length && (speed * (this.parallelism[index] ?? 1)) / through <= most * 1.000_001)
        bottleneck = index
      through *= out
    }
    for (const [index, { speed, ratio: out }] of this.vertices.entries()) {
      const counter = this.#counter(hexId<VertexId>((index + 1) * 0x100))
      const busy = rows / (speed * (this.parallelism[index] ?? 1))
      counter.recordsIn += rows
      counter.recordsOut += rows * out
      counter.busyMs += 1000 * busy
      if (index < bottleneck && held && !this.silent) counter.backPressuredMs += 1000 * (1 - busy)
      rows *= out
    }
    this.delivered = flow / rate
  }

  #rescale({ parallelism, at }: Decision): void {
    this.graph = withParallelism(this.graph, parallelism)
    this.#attempt++
    this.#counters = new Map()
    this.#downUntil = this.now + 2_000
    this.state = autoscale(this.state, { type: 'rescaled', at, pause: 2_000 }, this.#settings).state
  }

  #counter(id: VertexId): Counted {
    const known = this.#counters.get(id) ?? { recordsIn: 0, recordsOut: 0, busyMs: 0, backPressuredMs: 0 }
    this.#counters.set(id, known)
    return known
  }
}
