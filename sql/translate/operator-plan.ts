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
  readonly from: PlannedOperator
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
   * The operator, or an equal one that is there already (sinks are never shared). Its id is a hash of its place: what kind of operator
   * it is over which inputs. So state finds its operator again when a filter, an expression or a table's options have changed, as in
   * Flink; where the state itself would differ, its tables do, and the restore is refused.
   */
  add(operator: Omit<PlannedOperator, 'id' | 'number'>): PlannedOperator {
    const { spec, outputSchema, parallelism } = operator
    const inputs = operator.inputs.map(({ from, partitioner }) => [from.id, partitioner])
    const key = JSON.stringify([spec, inputs, outputSchema, parallelism])
    const isEnd = spec.op === 'sink' || spec.op === 'collect'
    const same = this.#known.get(key)
    if (same !== undefined && !isEnd) return same
    const place = hash(JSON.stringify([placeOf(spec), inputs]))
    const ordinal = this.operators.filter(({ id }) => id.startsWith(place.slice(0, 16))).length
    const id = (ordinal === 0 ? place : place.slice(0, 16) + hash(`${ordinal}`).slice(0, 16)) as OperatorId
    const planned: PlannedOperator = { ...operator, id, number: this.operators.length + 1 }
    this.operators.push(planned)
    this.#known.set(key, planned)
    return planned
  }
}

/** What of a spec tells its operator from others in the same place. */
function placeOf(spec: OperatorSpec): unknown {
  switch (spec.op) {
    case 'source':
    case 'sink':
      return [spec.op, spec.connector, spec.tableName]
    case 'calc':
    case 'watermark':
      return [spec.op]
    case 'group-aggregate':
    case 'join':
      // State is found again when it is to live for another time.
      return { ...spec, stateTtlMs: undefined }
    default:
      return spec
  }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}
