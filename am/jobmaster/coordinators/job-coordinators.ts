/**
 * The coordinators of one job: source enumerators, sink committers and the buffer of a SELECT's result. The JobMaster calls
 * start, commit, abort and close one after the other; requests of operators come in between.
 */
import type { JobGraph, OperatorNode } from '#core/graph/job-graph.js'
import type { OperatorId } from '#core/ids/ids.js'
import { logger } from '#core/log/logger.js'
import { CollectRequestSchema, SourceRequestSchema } from '#core/rpc/operator-events.js'
import type { SinkCommitter, SplitEnumerator } from '#runtime/connectors/connector.js'
import { TableInaccessible, TableUnavailable, UnknownCoordinator } from '../errors.js'
import type { Committable } from '../executiongraph/execution-graph.js'
import { isFinal } from '../scheduler/job-run.js'
import type { CollectCoordinator } from './collect-coordinator.js'
import type { CoordinatorLoader } from './coordinator-loader.js'

const log = logger('JobMaster')

interface Loaded {
  readonly node: OperatorNode
  readonly table: string
  readonly enumerator: SplitEnumerator | undefined
  readonly committer: SinkCommitter | undefined
}

export class JobCoordinators {
  readonly #jobGraph: JobGraph
  readonly #loader: CoordinatorLoader
  readonly #collect: CollectCoordinator | undefined
  #loaded: Map<OperatorId, Loaded> | undefined
  /** Committers that may have made something. */
  readonly #committing = new Set<OperatorId>()

  /** `collect`: for the collect operators of the graph, undefined when it has none. */
  constructor(jobGraph: JobGraph, loader: CoordinatorLoader, collect: CollectCoordinator | undefined) {
    this.#jobGraph = jobGraph
    this.#loader = loader
    this.#collect = collect
  }

  /** Before the first task of an attempt is deployed. @throws JOB_TABLE_INACCESSIBLE, JOB_TABLE_UNAVAILABLE, JOB_RESULT_NOT_REPEATABLE */
  async start(attempt: number): Promise<void> {
    if (attempt > 0) this.#collect?.reset()
    this.#loaded ??= await this.#load()
    // A failure is told when all have ended: nothing may be made behind an abort.
    const outcomes = await Promise.allSettled([...this.#loaded.values()].map((each) => this.#startOne(each)))
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  /** Answers what an operator asks. @throws JOB_NO_COORDINATOR, or what the connector throws */
  async request(operatorId: OperatorId, subtaskIndex: number, event: unknown): Promise<unknown> {
    const enumerator = this.#loaded?.get(operatorId)?.enumerator
    if (SourceRequestSchema.safeParse(event).success && enumerator !== undefined) {
      return { split: (await enumerator.nextSplit(subtaskIndex)) ?? null }
    }
    const collected = CollectRequestSchema.safeParse(event)
    if (collected.success && this.#collect !== undefined) {
      await this.#collect.add(collected.data.rows)
      return {}
    }
    const request = typeof event === 'object' && event !== null && 'type' in event ? String(event.type) : 'something'
    throw new UnknownCoordinator({ operator: operatorId, request })
  }

  /** The job ended well: makes everything visible. */
  async commit(committables: readonly Committable[]): Promise<void> {
    for (const { node, committer, table } of this.#loaded?.values() ?? []) {
      const own = committables.filter((each) => each.operatorId === node.id).map((each) => each.committable)
      await accessing(table, 'written', () => committer?.commit(own, true))
    }
  }

  /** Nothing of this attempt may stay behind. Failures are logged: there is nobody left to act on them. */
  async abort(): Promise<void> {
    for (const { node, table, committer } of this.#loaded?.values() ?? []) {
      if (!this.#committing.has(node.id)) continue
      try {
        await committer?.abort()
      } catch (error) {
        log.warn(`What was written for table '${table}' could not be removed`, error)
      }
    }
  }

  async close(): Promise<void> {
    this.#collect?.end()
    for (const { table, enumerator } of this.#loaded?.values() ?? []) {
      try {
        await enumerator?.close()
      } catch (error) {
        log.warn(`The enumerator of table '${table}' did not close`, error)
      }
    }
  }

  async #load(): Promise<Map<OperatorId, Loaded>> {
    const loaded = new Map<OperatorId, Loaded>()
    for (const vertex of this.#jobGraph.vertices) {
      for (const node of vertex.operators) {
        const { spec } = node
        if (spec.op !== 'source' && spec.op !== 'sink') continue
        const place = { jobId: this.#jobGraph.jobId, operatorId: node.id, parallelism: vertex.parallelism }
        const enumerator =
          spec.op === 'source' ? await accessing(spec.tableName, 'read', () => this.#loader.enumerator(spec, place)) : undefined
        const committer =
          spec.op === 'sink' ? await accessing(spec.tableName, 'written', () => this.#loader.committer(spec, place)) : undefined
        if (enumerator !== undefined || committer !== undefined) loaded.set(node.id, { node, table: spec.tableName, enumerator, committer })
      }
    }
    return loaded
  }

  async #startOne({ node, table, enumerator, committer }: Loaded): Promise<void> {
    if (enumerator !== undefined) await accessing(table, 'read', () => enumerator.start())
    if (committer !== undefined) {
      this.#committing.add(node.id)
      await accessing(table, 'written', () => committer.start())
    }
  }
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
