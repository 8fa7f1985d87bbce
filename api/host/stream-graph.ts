/**
 * From what a program said (datastream/transformation.ts) to operators: ids, parallelism, exchanges, and the operators that keys and side
 * outputs need. Pure. The next step is job-graph.ts.
 *
 *   words ──HASH(select)──▶ count            becomes   words ──▶ key-by ──HASH[$key]──▶ count
 *   split ──output 1──▶ print                          split ──▶ select-output(1) ──▶ print
 */
import { maxParallelismOf } from '#core/graph/max-parallelism.js'
import type { Partitioner } from '#core/graph/job-graph.js'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import type { OperatorId } from '#core/ids/ids.js'
import { INT, notNull, typeToString } from '#core/types/logical-type.js'
import { schemaToString, type Schema } from '#core/types/schema.js'
import type { FunctionDefinition, FunctionKind, Input, KeyLayout } from '#runtime/operators/process/definition.js'
import {
  keyColumn,
  keyedStreamSchema,
  PARTITION_COLUMN,
  streamSchema,
  taggedStreamSchema,
} from '#runtime/operators/process/stream-layout.js'
import type { TypeInformation } from '#runtime/operators/process/type-information.js'
import { findConnector, tableParallelism, validateTable } from '#runtime/connectors/registry.js'
import type { Exchange, KeySelection, Transformation, TransformationInput } from '../datastream/transformation.js'
import { outputType } from '../datastream/transformation.js'
import { DuplicateUid, ForwardParallelism, KeyFieldNotUsable, TableTypeMismatch, UnknownKeyField } from './graph-errors.js'
import { auxiliaryOperatorId, operatorIdOfPlace, operatorIdOfUid } from './operator-ids.js'

export interface StreamEdge {
  readonly from: StreamOperator
  readonly partitioner: Partitioner
}

/** An operator as it will run. `definition` or `spec`: a function of the program, or an operator that is built in. */
export interface StreamOperator {
  readonly id: OperatorId
  readonly name: string
  readonly role: Transformation['role']
  readonly bounded: boolean
  readonly inputs: readonly StreamEdge[]
  readonly outputSchema: Schema
  readonly parallelism: number
  readonly maxParallelism: number
  readonly chaining: Transformation['chaining']
  readonly implementation: { readonly definition: FunctionDefinition } | { readonly spec: OperatorSpec }
}

export interface GraphSettings {
  readonly parallelism: number
  /** undefined: derived from the parallelism. */
  readonly maxParallelism: number | undefined
}

/** Operators, inputs before readers. @throws API_DUPLICATE_UID, API_FORWARD_PARALLELISM, API_UNKNOWN_KEY_FIELD, API_TABLE_TYPE_MISMATCH */
export function streamGraph(transformations: readonly Transformation[], settings: GraphSettings): StreamOperator[] {
  const builder = new StreamGraphBuilder(settings)
  for (const transformation of transformations) builder.translate(transformation)
  return builder.operators
}

type KeySelector = Extract<KeySelection, { kind: 'function' }>['select']

class StreamGraphBuilder {
  readonly operators: StreamOperator[] = []
  readonly #settings: GraphSettings
  readonly #of = new Map<Transformation, StreamOperator>()
  readonly #auxiliary = new Map<string, StreamOperator>()
  readonly #roles = new Map<OperatorId, number>()
  readonly #uids = new Map<string, string>()
  #selectors = new Map<unknown, number>()
  #place = 0

  constructor(settings: GraphSettings) {
    this.#settings = settings
  }

  /** Inputs first: they may be of a pipeline that was executed before. */
  translate(transformation: Transformation): void {
    if (this.#of.has(transformation)) return
    for (const { from } of transformation.inputs) this.translate(from)
    const { name, role, bounded, chaining, spec } = transformation
    const parallelism = this.#parallelismOf(transformation)
    const keyed = transformation.inputs.filter(({ exchange }) => exchange?.kind === 'HASH').length
    const inputs = transformation.inputs.map((input) => this.#input(input, transformation, parallelism, keyed > 1))
    const common = {
      id: this.#idOf(transformation, inputs),
      name,
      role,
      bounded,
      inputs: inputs.map(({ edge }) => edge),
      parallelism,
      maxParallelism: Math.min(
        maxParallelismOf(parallelism, transformation.maxParallelism ?? this.#settings.maxParallelism),
        transformation.mostParallelism ?? Infinity,
      ),
      chaining,
    }
    switch (spec.kind) {
      case 'table-source':
        return void this.#of.set(transformation, this.#tableSource(transformation, common, spec))
      case 'table-sink':
        return void this.#of.set(transformation, this.#tableSink(transformation, common, spec.options))
      default: {
        const { sideOutputs, type } = transformation
        const definition: FunctionDefinition = { ...spec, inputs: inputs.map(({ input }) => input), output: type, sideOutputs }
        const outputSchema =
          sideOutputs.length === 0 ? streamSchema(type) : taggedStreamSchema([type, ...sideOutputs.map((tag) => tag.type)])
        this.#of.set(transformation, this.#aligned(this.#add({ ...common, outputSchema, implementation: { definition } }), spec, type))
      }
    }
  }

  #parallelismOf({ parallelism, mostParallelism, spec, inputs }: Transformation): number {
    if (parallelism !== undefined) return parallelism
    if (spec.kind === 'table-source') {
      const most = findConnector(spec.options['connector'] ?? '')?.source?.maxParallelism?.(spec.options) ?? Infinity
      return Math.max(1, Math.min(tableParallelism(spec.options, 'source') ?? this.#settings.parallelism, most))
    }
    if (spec.kind === 'table-sink') {
      const asked = tableParallelism(spec.options, 'sink')
      if (asked !== undefined) return asked
    }
    // A union has none of its own in Flink: that of its inputs.
    if (spec.kind === 'union') return Math.max(...inputs.map(({ from }) => (this.#of.get(from) as StreamOperator).parallelism))
    return Math.min(this.#settings.parallelism, mostParallelism ?? Infinity)
  }

  #idOf({ uid, name }: Transformation, inputs: readonly { edge: StreamEdge }[]): OperatorId {
    const place = this.#place++
    if (uid === undefined)
      return operatorIdOfPlace(
        place,
        inputs.map(({ edge }) => edge.from.id),
      )
    const other = this.#uids.get(uid)
    if (other !== undefined) throw new DuplicateUid({ uid, first: other, second: name })
    this.#uids.set(uid, name)
    return operatorIdOfUid(uid)
  }

  /** The edge that brings an input, and what the operator knows of it. `selected`: keys of all inputs must be hashed alike. */
  #input(
    { from, output, exchange }: TransformationInput,
    target: Transformation,
    parallelism: number,
    selected: boolean,
  ): { edge: StreamEdge; input: Input } {
    const type = outputType(from, output)
    const source = this.#outputOf(from, output)
    const straight = (kind: Exclude<Exchange['kind'], 'HASH' | 'CUSTOM'>) => ({
      edge: { from: source, partitioner: { kind } },
      input: { type },
    })
    if (exchange === undefined) return straight(source.parallelism === parallelism ? 'FORWARD' : 'REBALANCE')
    switch (exchange.kind) {
      case 'HASH': {
        const { operator, layout } = this.#keyed(source, type, exchange.key, target.name, selected)
        return { edge: { from: operator, partitioner: { kind: 'HASH', keys: layout.columns } }, input: { type, key: layout } }
      }
      case 'CUSTOM': {
        const { select, partition } = exchange
        const operator = this.#behind(
          source,
          `partition-by ${this.#number(select)} ${this.#number(partition)} ${parallelism}`,
          'Partition',
          { kind: 'partition-by', select, partition, numPartitions: parallelism },
          type,
          { fields: [...streamSchema(type).fields, { name: PARTITION_COLUMN, type: notNull(INT) }] },
        )
        const column = operator.outputSchema.fields.length - 1
        return { edge: { from: operator, partitioner: { kind: 'CUSTOM', column } }, input: { type } }
      }
      case 'FORWARD':
        if (source.parallelism !== parallelism)
          throw new ForwardParallelism({
            from: source.name,
            fromParallelism: source.parallelism,
            to: target.name,
            toParallelism: parallelism,
          })
        return straight('FORWARD')
      default:
        return straight(exchange.kind)
    }
  }

  #keyed(
    source: StreamOperator,
    type: TypeInformation,
    key: KeySelection,
    target: string,
    selected: boolean,
  ): { operator: StreamOperator; layout: KeyLayout } {
    if (key.kind === 'fields') {
      if (type.kind === 'row') {
        const columns = key.fields.map((field) => columnOf(type.schema, field, target))
        if (!selected) return { operator: source, layout: { columns, type: keyTypeOf(type.schema, columns) } }
      }
      const { fields } = key
      const [only = ''] = fields
      // Streams that share keys must hash them alike, however each names its own.
      const select = (
        fields.length === 1
          ? (element: Record<string, unknown>) => element[only]
          : (element: Record<string, unknown>) => Object.fromEntries(fields.map((field) => [field, element[field]]))
      ) as KeySelector
      return this.#keyBy(source, type, select, { kind: 'generic' }, `fields ${JSON.stringify(fields)}`)
    }
    return this.#keyBy(source, type, key.select, key.type, String(this.#number(key.select)))
  }

  #keyBy(source: StreamOperator, type: TypeInformation, select: KeySelector, keyType: TypeInformation, what: string) {
    const operator = this.#behind(source, `key-by ${what}`, 'KeyBy', { kind: 'key-by', select, keyType }, type, keyedStreamSchema(type))
    return { operator, layout: { columns: [keyColumn(type)], type: keyType } }
  }

  /** The operator whose rows are that output of the transformation. */
  #outputOf(from: Transformation, output: number): StreamOperator {
    const operator = this.#of.get(from) as StreamOperator
    if (from.sideOutputs.length === 0) return operator
    const outputs = [from.type, ...from.sideOutputs.map((tag) => tag.type)]
    const type = outputs[output] as TypeInformation
    const tag = output === 0 ? 'main' : (from.sideOutputs[output - 1]?.id ?? '')
    return this.#behind(
      operator,
      `select-output ${output === 0 ? 'main' : `tag ${tag}`}`,
      `Output: ${tag}`,
      { kind: 'select-output', outputs, index: output },
      type,
      streamSchema(type),
    )
  }

  /** An operator chained to another, which is made once. Its id depends on that one and on its role alone. */
  #behind(
    source: StreamOperator,
    what: string,
    name: string,
    kind: FunctionKind,
    type: TypeInformation,
    outputSchema: Schema,
  ): StreamOperator {
    const known = this.#auxiliary.get(`${source.id} ${what}`)
    if (known !== undefined) return known
    const word = what.slice(0, what.indexOf(' '))
    const role = word === 'select-output' ? what : `${word} ${this.#count(source.id)}`
    const operator = this.#add({
      id: auxiliaryOperatorId(source.id, role),
      name,
      role: 'operator',
      bounded: true,
      inputs: [{ from: source, partitioner: { kind: 'FORWARD' } }],
      outputSchema,
      parallelism: source.parallelism,
      maxParallelism: source.maxParallelism,
      chaining: 'ALWAYS',
      implementation: { definition: { ...kind, inputs: [{ type }], output: type, sideOutputs: [] } },
    })
    this.#auxiliary.set(`${source.id} ${what}`, operator)
    return operator
  }

  #tableSource(
    transformation: Transformation,
    common: Omit<StreamOperator, 'outputSchema' | 'implementation'>,
    { options, watermarks }: Extract<Transformation['spec'], { kind: 'table-source' }>,
  ): StreamOperator {
    const { type, name } = transformation
    const schema = (type as Extract<TypeInformation, { kind: 'row' }>).schema
    validateTable(options, schema, 'source')
    const connector = options['connector'] as string
    const bounded = findConnector(connector)?.source?.bounded(options) ?? false
    const table = this.#add({
      ...common,
      name,
      bounded,
      outputSchema: schema,
      implementation: {
        spec: {
          op: 'source',
          connector,
          tableName: name.replace(/^Source: /, ''),
          options,
          schema,
          projection: schema.fields.map((_, column) => column),
          bounded,
        },
      },
    })
    const elements = this.#behind(table, 'from-table ', 'Rows', { kind: 'from-table' }, type, streamSchema(type))
    if (watermarks.generator.kind === 'none' && watermarks.timestampAssigner === undefined) return elements
    const timed = this.#behind(
      elements,
      'watermarks ',
      'Timestamps/Watermarks',
      { kind: 'timestamps-and-watermarks', strategy: watermarks },
      type,
      streamSchema(type),
    )
    return this.#aligned(timed, { kind: 'timestamps-and-watermarks', strategy: watermarks }, type)
  }

  /** With the alignment that its watermarks ask for. */
  #aligned(operator: StreamOperator, spec: Transformation['spec'], type: TypeInformation): StreamOperator {
    const strategy = spec.kind === 'timestamps-and-watermarks' ? spec.strategy : spec.kind === 'source' ? spec.watermarks : undefined
    if (strategy?.alignment === undefined) return operator
    const kind = { kind: 'watermark-alignment', strategy } as const
    return this.#behind(operator, 'watermark-alignment ', 'Watermark Alignment', kind, type, streamSchema(type))
  }

  #tableSink(
    transformation: Transformation,
    common: Omit<StreamOperator, 'outputSchema' | 'implementation'>,
    options: Readonly<Record<string, string>>,
  ): StreamOperator {
    const { name, type } = transformation
    const { from, output } = transformation.inputs[0] as TransformationInput
    const elements = outputType(from, output)
    if (type.kind !== 'row' || JSON.stringify(elements) !== JSON.stringify(type))
      throw new TableTypeMismatch({ sink: name, expected: describeType(type), found: describeType(elements) })
    const { schema } = type
    validateTable(options, schema, 'sink')
    const rows = this.#add({
      ...common,
      id: auxiliaryOperatorId(common.id, 'to-table'),
      name: 'Rows',
      role: 'operator',
      outputSchema: schema,
      implementation: { definition: { kind: 'to-table', inputs: [{ type }], output: type, sideOutputs: [] } },
    })
    return this.#add({
      ...common,
      inputs: [{ from: rows, partitioner: { kind: 'FORWARD' } }],
      outputSchema: schema,
      implementation: {
        spec: {
          op: 'sink',
          connector: options['connector'] as string,
          tableName: name.replace(/^Sink: /, ''),
          options,
          schema,
          notNullEnforcer: 'ERROR',
        },
      },
    })
  }

  #add(operator: StreamOperator): StreamOperator {
    this.operators.push(operator)
    return operator
  }

  /** A number for each function of the program, in the order in which it is met. */
  #number(of: unknown): number {
    const known = this.#selectors.get(of) ?? this.#selectors.size
    this.#selectors.set(of, known)
    return known
  }

  #count(of: OperatorId): number {
    const count = this.#roles.get(of) ?? 0
    this.#roles.set(of, count + 1)
    return count
  }
}

function columnOf(schema: Schema, field: string, target: string): number {
  const column = schema.fields.findIndex(({ name }) => name === field)
  if (column < 0) throw new UnknownKeyField({ field, operator: target, fields: schema.fields.map(({ name }) => name).join(', ') })
  const { type } = schema.fields[column] as Schema['fields'][number]
  if (type.kind === 'RAW' || type.kind === 'BYTES') throw new KeyFieldNotUsable({ field, operator: target, type: 'GENERIC' })
  return column
}

function keyTypeOf(schema: Schema, columns: readonly number[]): TypeInformation {
  const fields = columns.map((column) => schema.fields[column] as Schema['fields'][number])
  const [only] = fields
  return fields.length === 1 && only !== undefined ? { kind: 'atomic', type: only.type } : { kind: 'row', schema: { fields } }
}

/** For people: `(word STRING NOT NULL, count INT NOT NULL)`, `INT`, `any value`. */
export function describeType(type: TypeInformation): string {
  switch (type.kind) {
    case 'row':
      return schemaToString(type.schema)
    case 'atomic':
      return typeToString(type.type)
    case 'generic':
      return 'any value (no type declared)'
  }
}
