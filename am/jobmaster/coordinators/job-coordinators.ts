/**
 * The coordinators of one job: source enumerators, sink committers and the buffer of a SELECT's result. The JobMaster calls
 * start, restart, commit, abort and close one after the other; requests of operators and snapshots come in between.
 */
import type { JobGraph, JobVertex, OperatorNode } from '#core/graph/job-graph.js'
import { roleOf } from '#core/graph/operator-spec.js'
import type { OperatorId, VertexId } from '#core/ids/ids.js'
import { logger } from '#core/log/logger.js'
import { AlignmentRequestSchema, CollectRequestSchema, SourceRequestSchema } from '#core/rpc/operator-events.js'
import type { Environment } from '#core/time/environment.js'
import { retrying, type RetryPolicy } from '#core/time/retrying.js'
import type { CommitterRestore, SinkCommitter } from '#runtime/connectors/connector.js'
import type { AssignedSplit } from '../adoption/reconcile.js'
import type { EnumeratorSnapshot, RestartedSubtask, RestoredJob } from '../checkpoint/checkpoint-host.js'
import { StaleAttempt, TableInaccessible, TableUnavailable, UnknownCoordinator } from '../errors.js'
import type { Committable } from '../executiongraph/execution-graph.js'
import { isFinal } from '../scheduler/job-run.js'
import type { CollectCoordinator } from './collect-coordinator.js'
import type { CoordinatorLoader, SinkSpec, SourceSpec } from './coordinator-loader.js'
import { SourceCoordinator } from './source-coordinator.js'
import { WatermarkAlignment } from './watermark-alignment.js'

const log = logger('JobMaster')

const ABORT_RETRY: RetryPolicy = { tries: 5, first: 500, most: 5_000 }

interface Loaded {
  readonly node: OperatorNode
  readonly vertex: JobVertex
  readonly table: string
  readonly source: SourceCoordinator | undefined
  readonly committer: SinkCommitter | undefined
}

export class JobCoordinators {
  #jobGraph: JobGraph
  readonly #loader: CoordinatorLoader
  readonly #collect: CollectCoordinator | undefined
  readonly #collectOperators: ReadonlySet<OperatorId>
  #loaded: Map<OperatorId, Loaded> | undefined
  readonly #alignment = new WatermarkAlignment()
  /** Committers that may have made something. */
  readonly #committing = new Set<OperatorId>()

  /** `collect`: for the collect operators of the graph, undefined when it has none. */
  constructor(jobGraph: JobGraph, loader: CoordinatorLoader, collect: CollectCoordinator | undefined) {
    this.#jobGraph = jobGraph
    this.#loader = loader
    this.#collect = collect
    const nodes = jobGraph.vertices.flatMap((vertex) => vertex.operators)
    this.#collectOperators = new Set(nodes.filter((node) => roleOf(node.spec) === 'collect').map((node) => node.id))
  }

  /**
   * Before the first task is deployed, and when the whole job starts again: everything begins from `restored`, or anew. `jobGraph`: at the
   * parallelism that it starts with.
   * @throws JOB_TABLE_INACCESSIBLE, JOB_TABLE_UNAVAILABLE, JOB_RESULT_NOT_REPEATABLE
   */
  async start(restored: RestoredJob | undefined, jobGraph: JobGraph): Promise<void> {
    this.#collect?.restart(restored?.checkpointId)
    this.#alignment.reset()
    await this.#load(jobGraph)
    await this.#all((loaded) => this.#begin(loaded, restored))
  }

  /** Gets the coordinators of this graph ready. Returns those of sources that cannot be told of splits that are out. @throws as start */
  async load(jobGraph: JobGraph): Promise<ReadonlySet<OperatorId>> {
    await this.#load(jobGraph)
    return new Set([...(this.#loaded?.values() ?? [])].flatMap(({ node, source }) => (source?.takesAssigned === false ? [node.id] : [])))
  }

  /**
   * Instead of `start`, when tasks of an earlier master go on: what they hold of splits is told, and nothing is given up of what they prepared.
   * What else starts again hears of it by `restart`. @throws as start
   */
  async adopt(
    restored: RestoredJob | undefined,
    jobGraph: JobGraph,
    splits: ReadonlyMap<OperatorId, readonly AssignedSplit[]>,
  ): Promise<void> {
    this.#alignment.reset()
    await this.#load(jobGraph)
    await this.#all((loaded) => this.#begin(loaded, restored, { splits: splits.get(loaded.node.id) ?? [] }))
  }

  /** `goesOn`: with these splits at readers, and all that sinks prepared. */
  async #begin(
    { node, table, source, committer }: Loaded,
    restored: RestoredJob | undefined,
    goesOn?: { readonly splits: readonly AssignedSplit[] },
  ): Promise<void> {
    if (source !== undefined) {
      await accessing(table, 'read', async () => {
        await source.start(restored?.enumerators.get(node.id), restored?.checkpointId)
        if (goesOn !== undefined) source.assigned(goesOn.splits)
      })
    }
    if (committer === undefined) return
    this.#committing.add(node.id)
    await accessing(table, 'written', () => committer.start(committerRestore(node, restored), goesOn === undefined ? undefined : []))
  }

  /** Before these subtasks start again from `restored`, or anew; the others go on. @throws as start */
  async restart(restarted: readonly RestartedSubtask[], restored: RestoredJob | undefined, jobGraph: JobGraph): Promise<void> {
    const fresh = await this.#load(jobGraph)
    const subtasksOf = (vertex: JobVertex) =>
      restarted.filter(({ vertexId }) => vertexId === vertex.id).map(({ subtaskIndex }) => subtaskIndex)
    const collects = this.#jobGraph.vertices.some(
      (vertex) => vertex.operators.some((node) => this.#collectOperators.has(node.id)) && subtasksOf(vertex).length > 0,
    )
    if (collects) this.#collect?.restart(restored?.checkpointId)
    this.#alignment.reset()
    await this.#all(async ({ node, vertex, table, source, committer }) => {
      const subtasks = subtasksOf(vertex)
      if (fresh.has(node.id)) return this.#begin({ node, vertex, table, source, committer }, restored)
      if (source !== undefined && restored !== undefined) source.checkpointComplete(restored.checkpointId)
      if (subtasks.length === 0) return
      if (source !== undefined) await accessing(table, 'read', async () => source.reset(subtasks))
      if (committer !== undefined) await accessing(table, 'written', () => committer.start(committerRestore(node, restored), subtasks))
    })
  }

  /** Answers what an operator asks. @throws JOB_NO_COORDINATOR, JOB_STALE_ATTEMPT, JOB_TABLE_INACCESSIBLE, JOB_TABLE_UNAVAILABLE */
  async request(operatorId: OperatorId, subtaskIndex: number, event: unknown): Promise<unknown> {
    const loaded = this.#loaded?.get(operatorId)
    const source = loaded?.source
    if (SourceRequestSchema.safeParse(event).success && loaded !== undefined && source !== undefined) {
      const split = await accessing(loaded.table, 'read', () => source.nextSplit(subtaskIndex))
      if (split === undefined) throw new StaleAttempt({ attempt: `of subtask ${subtaskIndex} that asked for a split` })
      return { split }
    }
    const collected = CollectRequestSchema.safeParse(event)
    if (collected.success && this.#collect !== undefined) {
      await this.#collect.add(collected.data.rows)
      return {}
    }
    const aligned = AlignmentRequestSchema.safeParse(event)
    if (aligned.success) {
      const { group, watermark } = aligned.data
      return { least: this.#alignment.report(group, `${operatorId} ${subtaskIndex}`, watermark) }
    }
    const request = typeof event === 'object' && event !== null && 'type' in event ? String(event.type) : 'something'
    throw new UnknownCoordinator({ operator: operatorId, request })
  }

  /** State of the enumerators; those of `subtasks` hear no more of them until `release`. See SourceCoordinator.snapshot. */
  snapshot(checkpointId: number, subtasks: readonly RestartedSubtask[]): EnumeratorSnapshot[] {
    return [...(this.#loaded?.values() ?? [])].flatMap(({ node, vertex, source }) => {
      if (source === undefined) return []
      const own = subtasks.filter(({ vertexId }) => vertexId === vertex.id).map(({ subtaskIndex }) => subtaskIndex)
      return [{ operatorId: node.id, state: source.snapshot(checkpointId, own) }]
    })
  }

  /** Rows that wait at the sources, by vertex; one of which it is not known is not there. */
  pendingRecords(): Map<VertexId, number> {
    const pending = new Map<VertexId, number>()
    for (const { vertex, table, source } of this.#loaded?.values() ?? []) {
      try {
        const rows = source?.pendingRecords()
        if (rows !== undefined) pending.set(vertex.id, (pending.get(vertex.id) ?? 0) + rows)
      } catch (error) {
        log.debug(`The enumerator of table '${table}' does not tell what waits: ${String(error)}`)
      }
    }
    return pending
  }

  release(checkpointId: number, { vertexId, subtaskIndex }: RestartedSubtask): void {
    for (const { vertex, source } of this.#loaded?.values() ?? []) {
      if (vertex.id === vertexId) source?.release(checkpointId, subtaskIndex)
    }
  }

  /** A checkpoint that the job may go on from is complete. @throws as start */
  async commitCheckpoint(checkpointId: number, committables: readonly Committable[]): Promise<void> {
    for (const { source } of this.#loaded?.values() ?? []) source?.checkpointComplete(checkpointId)
    this.#collect?.checkpointComplete(
      checkpointId,
      committables.filter((each) => this.#collectOperators.has(each.operatorId)).map((each) => each.committable),
    )
    await this.#commit(committables, false)
  }

  /** The job ended well: makes everything visible. May be repeated, as a committer's may. @throws as start */
  async commit(committables: readonly Committable[]): Promise<void> {
    await this.#commit(committables, true)
    this.#collect?.complete()
  }

  /**
   * Nothing uncommitted may stay behind. What fails is tried again a few times, then logged: there is nobody left to act on it. `earlier`: of
   * a job that never started here, but may have under an earlier master.
   */
  async abort(environment: Environment, earlier?: JobGraph): Promise<void> {
    if (this.#loaded === undefined && earlier !== undefined) {
      try {
        const loaded = await retrying(environment, ABORT_RETRY, () => this.#load(earlier))
        for (const operatorId of loaded) this.#committing.add(operatorId)
      } catch (error) {
        log.warn('What an earlier attempt of this JobManager wrote could not be removed', error)
      }
    }
    for (const { node, table, committer } of this.#loaded?.values() ?? []) {
      if (!this.#committing.has(node.id)) continue
      try {
        if (committer !== undefined) await retrying(environment, ABORT_RETRY, () => committer.abort())
      } catch (error) {
        log.warn(`What was written for table '${table}' could not be removed`, error)
      }
    }
  }

  async close(): Promise<void> {
    this.#collect?.end()
    for (const loaded of this.#loaded?.values() ?? []) await closeSource(loaded)
  }

  async #commit(committables: readonly Committable[], last: boolean): Promise<void> {
    for (const { node, committer, table } of this.#loaded?.values() ?? []) {
      const own = committables.filter((each) => each.operatorId === node.id).map((each) => each.committable)
      if (own.length > 0 || last) await accessing(table, 'written', () => committer?.commit(own, last))
    }
  }

  /** A failure is told when all have ended: nothing may be made behind an abort. */
  async #all(action: (loaded: Loaded) => Promise<void>): Promise<void> {
    const outcomes = await Promise.allSettled([...(this.#loaded?.values() ?? [])].map(action))
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  /** What is not there for this parallelism yet; those of another one are closed. Returns what is new. */
  async #load(jobGraph: JobGraph): Promise<ReadonlySet<OperatorId>> {
    this.#jobGraph = jobGraph
    const before = this.#loaded
    const loaded = new Map<OperatorId, Loaded>()
    const fresh = new Set<OperatorId>()
    for (const vertex of jobGraph.vertices) {
      for (const node of vertex.operators) {
        const present = before?.get(node.id)
        if (present?.vertex.parallelism === vertex.parallelism) {
          loaded.set(node.id, present)
          continue
        }
        const { spec } = node
        const role = roleOf(spec)
        if (role !== 'source' && role !== 'sink') continue
        const place = { jobId: jobGraph.jobId, operatorId: node.id, parallelism: vertex.parallelism }
        const table = 'tableName' in spec ? spec.tableName : node.name
        const enumerator =
          role === 'source' ? await accessing(table, 'read', () => this.#loader.enumerator(spec as SourceSpec, place)) : undefined
        const committer =
          role === 'sink' ? await accessing(table, 'written', () => this.#loader.committer(spec as SinkSpec, place)) : undefined
        if (enumerator === undefined && committer === undefined) continue
        const source = enumerator === undefined ? undefined : new SourceCoordinator(enumerator)
        loaded.set(node.id, { node, vertex, table, source, committer })
        fresh.add(node.id)
      }
    }
    this.#loaded = loaded
    for (const [id, entry] of before ?? []) if (loaded.get(id) !== entry) await closeSource(entry)
    return fresh
  }
}

async function closeSource({ table, source }: Loaded): Promise<void> {
  try {
    await source?.close()
  } catch (error) {
    log.warn(`The enumerator of table '${table}' did not close`, error)
  }
}

function committerRestore(node: OperatorNode, restored: RestoredJob | undefined): CommitterRestore | undefined {
  if (restored === undefined) return undefined
  const { checkpointId, committables } = restored
  return { checkpointId, committables: committables.filter((each) => each.operatorId === node.id).map((each) => each.committable) }
}

/** Says of which table an error of a connector is; keeps whether trying again may help. */
async function accessing<T>(table: string, action: 'read' | 'written', task: () => Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await task()
  } catch (error) {
    const Kind = error instanceof Error && isFinal(error) ? TableInaccessible : TableUnavailable
    throw new Kind({ table, action }, { cause: error })
  }
}
