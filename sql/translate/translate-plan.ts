/** Plan nodes to operators: one spec each, with the exchange that brings it its rows. */
import type { Configuration } from '#core/config/configuration.js'
import { AUTO_WATERMARK_INTERVAL } from '#core/config/options/pipeline.js'
import { NESTED_ENFORCER, NOT_NULL_ENFORCER, SOURCE_IDLE_TIMEOUT, STATE_TTL, TYPE_LENGTH_ENFORCER } from '#core/config/options/sql.js'
import type { OperatorSpec, SpecOf } from '#core/graph/operator-spec.js'
import type { Partitioner } from '#core/graph/job-graph.js'
import type { Schema } from '#core/types/schema.js'
import { findConnector, tableParallelism } from '#runtime/connectors/registry.js'
import { ConstraintUnsupported } from '#runtime/connectors/errors.js'
import { fullName } from '../catalog/catalog.js'
import { changelogOf, isSortAtEnd, isTemporalSort, type RuntimeMode } from '../plan/changelog.js'
import { describeNode, isDeduplicate, nodeName } from '../plan/describe.js'
import type {
  Calc,
  Collect,
  Join,
  Relation,
  RelationField,
  Scan,
  SessionWindow,
  Sink,
  Union,
  WindowAggregate,
  WindowTableFunction,
} from '../plan/relation.js'
import { OperatorPlan, type PlannedInput, type PlannedOperator } from './operator-plan.js'
import { defaultParallelism, configuredMaxParallelism } from './parallelism.js'
import { constraintProblem } from './sink-constraints.js'

const FORWARD: Partitioner = { kind: 'FORWARD' }
const GLOBAL: Partitioner = { kind: 'GLOBAL' }

export class PlanTranslator {
  readonly plan = new OperatorPlan()
  readonly #configuration: Configuration
  readonly #mode: RuntimeMode
  readonly #parallelism: number

  constructor(configuration: Configuration, mode: RuntimeMode) {
    this.#configuration = configuration
    this.#mode = mode
    this.#parallelism = defaultParallelism(configuration)
  }

  translateRoot(root: Sink | Collect): PlannedOperator {
    const input = this.translate(root.input)
    const schema = schemaOf(root.input.fields)
    if (root.kind === 'collect') {
      const label = 'Sink: collect'
      return this.#add({ op: 'collect', schema }, label, describeNode(root), [this.#toOne(input)], schema, 1, 1)
    }
    const { table, options } = root
    const parallelism = tableParallelism(options, 'sink') ?? input.parallelism
    const columns = table.columns.flatMap((column) => (column.kind === 'physical' ? [{ name: column.name, type: column.type }] : []))
    const [lengths, nested] = [this.#configuration.get(TYPE_LENGTH_ENFORCER), this.#configuration.get(NESTED_ENFORCER)]
    const enforcers = {
      ...(lengths === 'IGNORE' ? {} : { lengthEnforcer: lengths }),
      ...(nested === 'IGNORE' ? {} : { nestedEnforcer: nested }),
    }
    for (const { name, type } of columns) {
      const problem = constraintProblem(type, enforcers)
      if (problem !== undefined) throw new ConstraintUnsupported({ problem, table: fullName(table), column: name })
    }
    const spec: OperatorSpec = {
      op: 'sink',
      connector: options['connector'] as string,
      tableName: fullName(table),
      options: { ...options },
      schema: { fields: columns },
      notNullEnforcer: this.#configuration.get(NOT_NULL_ENFORCER),
      ...enforcers,
    }
    const edge = this.#spread(input, root.input, parallelism)
    return this.#add(
      spec,
      `Sink: ${table.name}`,
      describeNode(root),
      [edge],
      { fields: columns },
      parallelism,
      input.maxParallelism === 1 && parallelism === 1 ? 1 : undefined,
    )
  }

  translate(node: Relation): PlannedOperator {
    const output = schemaOf(node.fields)
    const chained = (spec: OperatorSpec, input: PlannedOperator): PlannedOperator =>
      this.#add(
        spec,
        nodeName(node),
        describeNode(node),
        [{ from: input, partitioner: FORWARD }],
        output,
        input.parallelism,
        input.maxParallelism,
      )
    switch (node.kind) {
      case 'scan':
        return this.#source(node, output)
      case 'values':
        return this.#add(
          { op: 'values', schema: output, rows: node.rows.map((row) => [...row]) },
          'Source: Values',
          describeNode(node),
          [],
          output,
          1,
          1,
        )
      case 'calc':
        return chained(
          { op: 'calc', projection: node.projection, ...(node.condition === null ? {} : { condition: node.condition }) },
          this.translate(node.input),
        )
      case 'watermark': {
        const idleTimeoutMs = this.#configuration.get(SOURCE_IDLE_TIMEOUT)
        const eachRow = this.#configuration.get(AUTO_WATERMARK_INTERVAL) === 0
        return chained(
          { op: 'watermark', expression: node.expression, rowtimeColumn: node.column, idleTimeoutMs, ...(eachRow ? { eachRow } : {}) },
          this.translate(node.input),
        )
      }
      case 'unnest': {
        const { column, kept, outer, ordinality } = node
        return chained({ op: 'unnest', column, kept: [...kept], outer, ordinality }, this.translate(node.input))
      }
      case 'window-table-function': {
        const { window, timeColumn } = node
        if (window.kind === 'session') return this.#session(node, window, output)
        return chained({ op: 'window-table-function', window, timeColumn, ...processingTime(node) }, this.translate(node.input))
      }
      case 'aggregate': {
        const ttl = this.#stateTtl()
        const spec: OperatorSpec = {
          op: 'group-aggregate',
          keys: node.keys,
          calls: node.calls,
          retractInput: changelogOf(node.input, this.#mode) === 'retract',
          output: this.#output(),
          ...(ttl > 0 ? { stateTtlMs: ttl } : {}),
        }
        return this.#keyed(node, spec, [node.input], [node.keys], output)
      }
      case 'window-aggregate': {
        const { window, timeColumn, keys, calls, emit } = node
        if (window.kind === 'session') {
          const condition = node.condition === undefined ? {} : { condition: node.condition }
          return this.#session(node, window, output, { keys, calls, emit: [...emit], ...condition })
        }
        return this.#keyed(
          node,
          { op: 'window-aggregate', window, timeColumn, ...processingTime(node), keys, calls, emit: [...emit] },
          [node.input],
          [keys],
          output,
        )
      }
      case 'join': {
        const { joinType, leftKeys, rightKeys, condition, time } = node
        if (node.lookup === true) return this.#lookup(node, output)
        if (node.temporal !== undefined) {
          const { left, right } = node.temporal
          const common = { leftKeys, rightKeys, ...(condition === null ? {} : { condition }) }
          const type = joinType === 'left' ? 'left' : 'inner'
          const spec: OperatorSpec = { op: 'temporal-join', joinType: type, ...common, leftTime: left, rightTime: right }
          return this.#keyed(node, spec, [node.left, node.right], [leftKeys, rightKeys], output)
        }
        if (time !== undefined) {
          const { kind, left, right, lowerMs, upperMs } = time
          const common = { joinType, leftKeys, rightKeys, ...(condition === null ? {} : { condition }) }
          const spec: OperatorSpec = { op: 'interval-join', ...common, time: kind, leftTime: left, rightTime: right, lowerMs, upperMs }
          return this.#keyed(node, spec, [node.left, node.right], [leftKeys, rightKeys], output)
        }
        const ttl = this.#stateTtl()
        const spec: OperatorSpec = {
          op: 'join',
          joinType,
          leftKeys,
          rightKeys,
          ...(condition === null ? {} : { condition }),
          ...(joinType === 'inner' ? {} : { output: this.#output() }),
          ...(node.single === true ? { single: true } : {}),
          ...(ttl > 0 ? { stateTtlMs: { left: ttl, right: ttl } } : {}),
        }
        return this.#keyed(node, spec, [node.left, node.right], [leftKeys, rightKeys], output)
      }
      case 'rank': {
        const { partition, order, limit, numbered } = node
        if (node.versions === true) return this.translate(node.input)
        const spec: OperatorSpec = {
          op: 'rank',
          partition,
          order,
          limit: limit as number,
          numbered,
          lastWins: isDeduplicate(node) && order[0]?.ascending === false,
          retractInput: changelogOf(node.input, this.#mode) === 'retract',
          output: this.#output(),
        }
        return this.#keyed(node, spec, [node.input], [partition], output)
      }
      case 'to-changelog':
        return chained({ op: 'to-changelog', codes: node.codes }, this.translate(node.input))
      case 'from-changelog':
        return chained({ op: 'from-changelog', column: node.column, kinds: node.kinds }, this.translate(node.input))
      case 'over': {
        const { partition, order, frame, calls, time } = node
        const timed = this.#mode === 'STREAMING' ? time : null
        const spec: OperatorSpec = {
          op: 'over',
          partition,
          order,
          frame,
          // In the order of time a row's number is how many have come out.
          calls: timed === null ? calls : calls.map((call) => (call.function === 'ROW_NUMBER' ? { ...call, function: 'COUNT' } : call)),
          retractInput: changelogOf(node.input, this.#mode) === 'retract',
          output: timed ?? this.#output(),
        }
        return this.#keyed(node, spec, [node.input], [partition], output)
      }
      case 'match': {
        const { partition, timeColumn, order, pattern, skip, withinMs, measures } = node
        const spec: OperatorSpec = {
          op: 'match-recognize',
          ...{ partition, timeColumn, ...processingTime(node), order, pattern, skip, measures },
          ...(withinMs === undefined ? {} : { withinMs }),
        }
        return this.#keyed(node, spec, [node.input], [partition], output)
      }
      case 'sort': {
        if (this.#mode === 'STREAMING' && isTemporalSort(node)) {
          const sorted: OperatorSpec = { op: 'temporal-sort', keys: node.keys }
          return this.#add(sorted, nodeName(node), describeNode(node), [this.#toOne(this.translate(node.input))], output, 1, 1)
        }
        const retractInput = changelogOf(node.input, this.#mode) === 'retract'
        const limit = node.limit === null ? {} : { limit: node.limit }
        const spec: OperatorSpec = {
          op: 'sort-limit',
          keys: node.keys,
          offset: node.offset,
          output: isSortAtEnd(node) ? 'final' : this.#output(),
          retractInput,
          ...limit,
        }
        return this.#add(spec, nodeName(node), describeNode(node), [this.#toOne(this.translate(node.input))], output, 1, 1)
      }
      case 'set-operation': {
        const { operator, all, inputs, fields } = node
        const whole = fields.map((_, i) => i)
        const spec: OperatorSpec = { op: 'set-operation', operator, all, output: this.#output() }
        return this.#keyed(node, spec, inputs, [whole, whole], output)
      }
      case 'union':
        return this.#union(node, output)
      case 'project':
      case 'filter':
        throw new Error(`plan node '${node.kind}' was not merged into a calc`)
    }
  }

  #session(
    node: WindowTableFunction | WindowAggregate,
    { gapMs, partition }: SessionWindow,
    output: Schema,
    aggregate?: SpecOf<'session-window'>['aggregate'],
  ): PlannedOperator {
    if (partition === null) throw new Error('a session window of GROUP BY was not merged into its aggregate')
    const spec: OperatorSpec = {
      op: 'session-window',
      gapMs,
      timeColumn: node.timeColumn,
      ...processingTime(node),
      partition,
      retractInput: changelogOf(node.input, this.#mode) === 'retract',
      ...(aggregate === undefined ? {} : { aggregate }),
    }
    return this.#keyed(node, spec, [node.input], [partition], output)
  }

  /** Ms; 0: state lives for ever, as in batch mode. */
  #stateTtl(): number {
    return this.#mode === 'STREAMING' ? this.#configuration.get(STATE_TTL) : 0
  }

  #output(): 'changelog' | 'final' {
    return this.#mode === 'BATCH' ? 'final' : 'changelog'
  }

  #source(node: Scan, schema: Schema): PlannedOperator {
    const connector = node.options['connector'] as string
    const most = findConnector(connector)?.source?.maxParallelism?.(node.options) ?? Infinity
    const parallelism = Math.max(1, Math.min(tableParallelism(node.options, 'source') ?? this.#parallelism, most))
    const spec = this.#sourceSpec(node)
    return this.#add(
      spec,
      `Source: ${node.table.name}`,
      describeNode(node),
      [],
      schema,
      parallelism,
      Number.isFinite(most) ? Math.max(most, parallelism) : undefined,
    )
  }

  #sourceSpec(node: Scan): SpecOf<'source'> {
    return {
      op: 'source',
      connector: node.options['connector'] as string,
      tableName: fullName(node.table),
      options: { ...node.options },
      schema: physicalSchema(node),
      projection: node.columns,
      bounded: node.bounded,
    }
  }

  /** Where its rows are: every subtask has the table. */
  #lookup(node: Join, output: Schema): PlannedOperator {
    const { leftKeys, rightKeys, condition, right } = node
    const calcs: Calc[] = []
    let scan = right
    for (; scan.kind === 'calc'; scan = scan.input) calcs.unshift(scan)
    if (scan.kind !== 'scan') throw new Error(`a lookup join of a ${scan.kind}`)
    const spec: OperatorSpec = {
      op: 'lookup-join',
      joinType: node.joinType === 'left' ? 'left' : 'inner',
      leftKeys,
      rightKeys,
      ...(condition === null ? {} : { condition }),
      table: this.#sourceSpec(scan),
      calcs: calcs.map((calc) => ({
        projection: calc.projection,
        ...(calc.condition === null ? {} : { condition: calc.condition }),
        output: schemaOf(calc.fields),
      })),
      rows: schemaOf(right.fields),
    }
    const input = this.translate(node.left)
    const edge: PlannedInput = { from: input, partitioner: FORWARD }
    return this.#add(spec, nodeName(node), describeNode(node), [edge], output, input.parallelism, input.maxParallelism)
  }

  /** By its keys to where their state is; without keys there is one subtask. */
  #keyed(
    node: Relation,
    spec: OperatorSpec,
    inputs: readonly Relation[],
    keys: readonly (readonly number[])[],
    output: Schema,
  ): PlannedOperator {
    const operators = inputs.map((input) => this.translate(input))
    const single = (keys[0] ?? []).length === 0
    const edges = operators.map((operator, i): PlannedInput =>
      single
        ? this.#toOne(operator, operators.length > 1)
        : { from: operator, partitioner: { kind: 'HASH', keys: [...(keys[i] as readonly number[])] } },
    )
    return this.#add(spec, nodeName(node), describeNode(node), edges, output, single ? 1 : this.#parallelism, single ? 1 : undefined)
  }

  #union(node: Union, output: Schema): PlannedOperator {
    const operators = node.inputs.map((input) => this.translate(input))
    const parallelism = Math.max(...operators.map((operator) => operator.parallelism))
    const edges = operators.map((operator, i) => this.#spread(operator, node.inputs[i] as Relation, parallelism))
    const single = operators.every((operator) => operator.maxParallelism === 1)
    return this.#add({ op: 'union' }, nodeName(node), describeNode(node), edges, output, parallelism, single ? 1 : undefined)
  }

  /** To one subtask: straight on where there is but one by nature. */
  #toOne(operator: PlannedOperator, exchange = false): PlannedInput {
    return { from: operator, partitioner: operator.maxParallelism === 1 && !exchange ? FORWARD : GLOBAL }
  }

  /**
   * To any subtask: straight on where the numbers agree. Rows that take back others follow them by all their columns, so that a row
   * and its retraction keep their order.
   */
  #spread(operator: PlannedOperator, relation: Relation, parallelism: number): PlannedInput {
    if (operator.parallelism === parallelism) return { from: operator, partitioner: FORWARD }
    if (changelogOf(relation, this.#mode) === 'retract')
      return { from: operator, partitioner: { kind: 'HASH', keys: relation.fields.map((_, i) => i) } }
    return { from: operator, partitioner: { kind: 'REBALANCE' } }
  }

  #add(
    spec: OperatorSpec,
    label: string,
    description: string,
    inputs: readonly PlannedInput[],
    outputSchema: Schema,
    parallelism: number,
    maxParallelism = configuredMaxParallelism(parallelism, this.#configuration),
  ): PlannedOperator {
    return this.plan.add({ label, description, spec, inputs, outputSchema, parallelism, maxParallelism })
  }
}

function processingTime(node: { readonly processingTime: boolean }): { processingTime?: true } {
  return node.processingTime ? { processingTime: true } : {}
}

function schemaOf(fields: readonly RelationField[]): Schema {
  return { fields: fields.map(({ name, type }) => ({ name, type })) }
}

function physicalSchema(scan: Scan): Schema {
  return { fields: scan.table.columns.flatMap((column) => (column.kind === 'physical' ? [{ name: column.name, type: column.type }] : [])) }
}
