/**
 * The operators of a job before chaining: specs, their inputs with partitioners, parallelism. Equal operators over equal inputs
 * are one, so that what several INSERTs share is computed once.
 */
import { createHash } from 'node:crypto'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import type { Partitioner } from '#core/graph/job-graph.js'
import type { OperatorId } from '#core/ids/ids.js'
import type { Schema } from '#core/types/schema.js'

export interface PlannedInput {
  readonly operator: PlannedOperator
  readonly partitioner: Partitioner
}

export interface PlannedOperator {
  readonly id: OperatorId
  /** Position in the plan, from 1: inputs before readers. */
  readonly number: number
  /** `Calc`; `Source: t`; `Sink: s` */
  readonly label: string
  /** With all attributes. */
  readonly description: string
  readonly spec: OperatorSpec
  readonly inputs: readonly PlannedInput[]
  readonly outputSchema: Schema
  readonly parallelism: number
  readonly maxParallelism: number
}

export class OperatorPlan {
  readonly operators: PlannedOperator[] = []
  readonly #known = new Map<string, PlannedOperator>()

  /**
   * The operator, or an equal one that is there already (sinks are never shared). Its id is a hash of what it does and of its
   * inputs' ids, so it stays the same as long as the plan does.
   */
  add(operator: Omit<PlannedOperator, 'id' | 'number'>): PlannedOperator {
    const inputs = operator.inputs.map(({ operator: input, partitioner }) => [input.id, partitioner])
    const identity = JSON.stringify([operator.spec, inputs, operator.outputSchema])
    const key = JSON.stringify([identity, operator.parallelism])
    const isEnd = operator.spec.op === 'sink' || operator.spec.op === 'collect'
    const same = this.#known.get(key)
    if (same !== undefined && !isEnd) return same
    const ordinal = this.operators.filter(({ id }) => id.startsWith(hash(identity).slice(0, 16))).length
    const id = (ordinal === 0 ? hash(identity) : hash(identity).slice(0, 16) + hash(`${ordinal}`).slice(0, 16)) as OperatorId
    const planned: PlannedOperator = { ...operator, id, number: this.operators.length + 1 }
    this.operators.push(planned)
    this.#known.set(key, planned)
    return planned
  }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}
