/**
 * Compiles expressions for batches: a condition to the positions it keeps, a calc (condition and projection) to its output batch.
 *
 * The condition runs first and gives a selection; then the projection is computed for the selected rows only. A projection that is
 * a plain column passes its vector on, and then the others are written at the same positions beside it. Without such a column the
 * output is dense. The code exists in up to four variants, made when first needed: with and without NULLs in the columns it reads,
 * with and without a selection.
 */
import type { Expression } from '#core/graph/expression.js'
import { isBinary, type LogicalType, type Value } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { Batch } from '../columnar/batch.js'
import { byteLanes, float64Lanes, int32Lanes, int64Lanes } from '../columnar/lanes.js'
import { readValue } from '../columnar/value.js'
import { vectorKind, type Vector } from '../columnar/vector.js'
import { bindExpression, castTo, CONDITION_TYPE, isConstant, type BoundExpression } from './bound-expression.js'
import { describeExpression, describeRow } from './describe.js'
import { emitCall } from './emit-call.js'
import { emitCast, isFreeCast } from './emit-cast.js'
import { Emitter } from './emitter.js'
import { EvaluationFailure, ExpressionFailed, type EvaluationContext } from './evaluation.js'
import { instantiate } from './generated-code.js'
import { constantValue, prepareEvaluator } from './interpreter.js'
import { writeDecimal } from './kernels.js'
import { TextWriter } from './text-writer.js'

export interface CalcSpec {
  readonly condition?: Expression | undefined
  readonly projection: readonly Expression[]
  readonly inputSchema: Schema
  /** Names and types of the result; projections of other types are cast to them. */
  readonly outputSchema: Schema
  readonly context: EvaluationContext
}

/**
 * Keeps the rows whose condition is TRUE and computes the projection; undefined when no row is left. Row kinds and order are kept.
 * The output shares the vectors of columns that it passes on.
 * @throws INVALID_EXPRESSION here when an expression is wrong; EXPRESSION_FAILED from the result when a row cannot be computed.
 */
export function compileCalc({ condition, projection, inputSchema, outputSchema, context }: CalcSpec): (batch: Batch) => Batch | undefined {
  const select = condition === undefined ? undefined : compileCondition(condition, inputSchema, context)
  const bound = projection.map((expression, i) => {
    const type = outputSchema.fields[i]?.type
    const ready = prepare(expression, inputSchema, context)
    return type === undefined ? ready : foldConstants(castTo(ready, type), context)
  })
  const project = compileProjection(bound, outputSchema, context)
  return (batch) => {
    const kept = select === undefined ? batch : keep(batch, select(batch))
    if (kept.length === 0) return undefined
    try {
      return project(kept)
    } catch (error) {
      throw explain(error, projection, kept, inputSchema, context)
    }
  }
}

function keep(batch: Batch, positions: Int32Array): Batch {
  return positions.length === batch.length ? batch : batch.select(positions)
}

/**
 * Positions (not row numbers) of the rows whose condition is TRUE, in the batch's order.
 * @throws as compileCalc.
 */
export function compileCondition(expression: Expression, inputSchema: Schema, context: EvaluationContext): (batch: Batch) => Int32Array {
  const bound = foldConstants(castTo(prepare(expression, inputSchema, context), CONDITION_TYPE), context)
  const variants = new Variants((withNulls, selected) => {
    const emitter = new Emitter(context, withNulls, FORMS)
    const operand = emitter.operand(bound)
    const value = emitter.value(operand)
    // Branchless: the position is written anyway and kept by counting it.
    emitter.line('out[kept] = i')
    emitter.line(operand.isNull === undefined ? `kept += ${value} ? 1 : 0` : `kept += ${operand.isNull} === 0 && ${value} ? 1 : 0`)
    return loop<(columns: Inputs, selection: Int32Array | undefined, length: number, out: Int32Array) => number>(
      emitter,
      selected,
      ['out'],
      'let kept = 0',
      'return kept',
    )
  })
  const columns = inputColumns([bound])
  return (batch) => {
    const inputs = readInputs(batch, columns)
    const out = int32Lanes(batch.length)
    try {
      const kept = variants.get(inputs.anyNulls, batch.selection !== undefined)(inputs, batch.selection, batch.length, out)
      return kept === out.length ? out : out.subarray(0, kept)
    } catch (error) {
      throw explain(error, [expression], batch, inputSchema, context)
    }
  }
}

const FORMS = { cast: emitCast, call: emitCall }

function prepare(expression: Expression, schema: Schema, context: EvaluationContext): BoundExpression {
  const bound = bindExpression(expression)
  for (const index of inputColumns([bound])) {
    if (index >= schema.fields.length) throw new Error(`expression reads column ${index} of ${schema.fields.length}`)
  }
  return foldConstants(bound, context)
}

/** Replaces what is constant by its value; what fails is left to fail on the first row that needs it. */
function foldConstants(bound: BoundExpression, context: EvaluationContext): BoundExpression {
  if (bound.kind === 'constant' || bound.kind === 'input') return bound
  if (isConstant(bound)) {
    const value = constantValue(bound, context)
    if (value !== undefined) return { kind: 'constant', value, type: bound.type }
  }
  if (bound.kind === 'cast') return { ...bound, arg: foldConstants(bound.arg, context) }
  return { ...bound, args: bound.args.map((arg) => foldConstants(arg, context)) }
}

function inputColumns(expressions: readonly BoundExpression[]): number[] {
  const found = new Set<number>()
  const visit = (bound: BoundExpression): void => {
    if (bound.kind === 'input') found.add(bound.index)
    else if (bound.kind === 'cast') visit(bound.arg)
    else if (bound.kind === 'call') bound.args.forEach(visit)
  }
  expressions.forEach(visit)
  return [...found].sort((a, b) => a - b)
}

/** Columns by index, as generated code takes them. */
interface Inputs {
  readonly vectors: readonly Vector[]
  readonly anyNulls: boolean
}

function readInputs(batch: Batch, columns: readonly number[]): Inputs {
  let anyNulls = false
  for (const index of columns) if (batch.columns[index]?.nulls !== undefined) anyNulls = true
  return { vectors: batch.columns, anyNulls }
}

/** Reads beyond its end give undefined, which counts as no bit set. */
const NO_NULLS = new Uint8Array(1 << 13)

/** Wraps what the emitter wrote in the loop over rows. `i` is the position of row `r`. */
function loop<F extends (...args: never[]) => unknown>(
  emitter: Emitter,
  selected: boolean,
  outputs: readonly string[],
  before: string,
  after: string,
): F {
  const lines: string[] = []
  const noNulls = emitter.constant(NO_NULLS)
  for (const [index, kind] of emitter.columns) {
    lines.push(`const x${index} = inputs.vectors[${index}]`)
    if (emitter.withNulls) lines.push(`const z${index} = x${index}.nulls === undefined ? ${noNulls} : x${index}.nulls`)
    if (kind === 'utf8') lines.push(`const c${index} = x${index}.bytes, o${index} = x${index}.offsets, l${index} = x${index}.lengths`)
    else lines.push(`const c${index} = x${index}.${kind === 'decimal128' ? 'lanes' : 'values'}`)
    if (kind === 'int64') lines.push(`const w${index} = ${emitter.constant(wordsOf)}(c${index})`)
  }
  lines.push(
    ...emitter.before,
    before,
    'for (let r = 0; r < length; r++) {',
    selected ? 'const i = selection[r]' : 'const i = r',
    emitter.lines,
    '}',
    after,
  )
  return instantiate<F>(['inputs', 'selection', 'length', ...outputs], lines.join('\n'), emitter.constants)
}

/** 64-bit lanes as pairs of 32 bits on the same bytes. */
function wordsOf(lanes: BigInt64Array): Int32Array {
  return new Int32Array(lanes.buffer, lanes.byteOffset, lanes.length * 2)
}

/** Generated code by what it assumes, made on first use. */
class Variants<F> {
  readonly #make: (withNulls: boolean, selected: boolean) => F
  readonly #made: (F | undefined)[] = [undefined, undefined, undefined, undefined]

  constructor(make: (withNulls: boolean, selected: boolean) => F) {
    this.#make = make
  }

  get(withNulls: boolean, selected: boolean): F {
    const at = (withNulls ? 2 : 0) + (selected ? 1 : 0)
    return (this.#made[at] ??= this.#make(withNulls, selected))
  }
}

/** A column under construction: `lanes` is what generated code writes to, `nulls` gets its bits, `used` is 1 when there is one. */
interface OutputColumn {
  readonly lanes: unknown
  readonly words: Int32Array | undefined
  readonly nulls: Uint8Array
  used: number
}

type ProjectionFunction = (inputs: Inputs, selection: Int32Array | undefined, length: number, outs: readonly OutputColumn[]) => void

function compileProjection(bound: readonly BoundExpression[], outputSchema: Schema, context: EvaluationContext): (batch: Batch) => Batch {
  const passed = bound.map((expression) => passedColumn(expression))
  const computed = bound.filter((_, i) => passed[i] === undefined)
  const dense = passed.every((column) => column === undefined)
  const columns = inputColumns(computed)
  const variants = new Variants<ProjectionFunction>((withNulls, selected) => {
    const emitter = new Emitter(context, withNulls, FORMS)
    const outputs = computed.map((expression, k) => emitOutput(emitter, expression, k, dense ? 'r' : 'i'))
    return loop<ProjectionFunction>(emitter, selected, ['outs'], outputs.join('\n'), '')
  })
  return (batch) => {
    const { selection, length } = batch
    const size = dense || selection === undefined ? length : endOf(selection)
    const outs = computed.map(({ type }) => outputColumn(type, size))
    if (computed.length > 0) {
      const inputs = readInputs(batch, columns)
      variants.get(inputs.anyNulls, selection !== undefined)(inputs, selection, length, outs)
    }
    let k = 0
    const vectors = outputSchema.fields.map(({ type }, i): Vector => {
      const column = passed[i]
      if (column === undefined) return finishColumn(type, outs[k++] as OutputColumn)
      const vector = batch.columns[column] as Vector
      return vector.type === type ? vector : { ...vector, type }
    })
    if (!dense) return batch.withColumns(outputSchema, vectors)
    return new Batch(outputSchema, vectors, length, undefined, denseRowKinds(batch))
  }
}

function endOf(selection: Int32Array): number {
  let end = 0
  for (let r = 0; r < selection.length; r++) if ((selection[r] as number) >= end) end = (selection[r] as number) + 1
  return end
}

function denseRowKinds({ rowKinds, selection, length }: Batch): Uint8Array | undefined {
  if (rowKinds === undefined || selection === undefined) return rowKinds
  const kinds = new Uint8Array(length)
  for (let r = 0; r < length; r++) kinds[r] = rowKinds[selection[r] as number] as number
  return kinds
}

/** The input column that the expression is, unchanged. */
function passedColumn(expression: BoundExpression): number | undefined {
  if (expression.kind === 'input') return expression.index
  if (expression.kind !== 'cast' || !isFreeCast(expression.arg.type, expression.type)) return undefined
  return vectorKind(expression.arg.type) === vectorKind(expression.type) ? passedColumn(expression.arg) : undefined
}

function outputColumn(type: LogicalType, size: number): OutputColumn {
  const nulls = byteLanes((size + 7) >> 3)
  switch (vectorKind(type)) {
    case 'boolean':
      return { lanes: byteLanes(size), words: undefined, nulls, used: 0 }
    case 'int32':
      return { lanes: int32Lanes(size), words: undefined, nulls, used: 0 }
    case 'float64':
      return { lanes: float64Lanes(size), words: undefined, nulls, used: 0 }
    case 'int64': {
      const lanes = int64Lanes(size)
      return { lanes, words: wordsOf(lanes), nulls, used: 0 }
    }
    case 'decimal128':
      return { lanes: int64Lanes(size * 2), words: undefined, nulls, used: 0 }
    case 'utf8':
      return { lanes: new TextWriter(size), words: undefined, nulls, used: 0 }
    case 'object':
      throw new Error('expressions know no objects')
  }
}

function finishColumn(type: LogicalType, column: OutputColumn): Vector {
  const nulls = column.used === 1 ? column.nulls : undefined
  const kind = vectorKind(type)
  switch (kind) {
    case 'utf8':
      return (column.lanes as TextWriter).finish(type, nulls)
    case 'decimal128':
      return { kind, type, nulls, lanes: column.lanes as BigInt64Array }
    default:
      return { kind, type, nulls, values: column.lanes } as Vector
  }
}

/** Emits the code that writes output `k` at `at` (`r` or `i`); returns the declarations that stand before the loop. */
function emitOutput(emitter: Emitter, expression: BoundExpression, k: number, at: 'r' | 'i'): string {
  const operand = emitter.operand(expression)
  const write = () => {
    const kind = vectorKind(expression.type)
    const { text } = operand
    if (kind === 'utf8') {
      emitter.line(
        text === undefined
          ? `d${k}.${isBinary(expression.type) ? 'putBinary' : 'put'}(${at}, ${emitter.value(operand)})`
          : `d${k}.putBytes(${at}, ${text.bytes}, ${text.start}, ${text.length})`,
      )
    } else if (kind === 'boolean') emitter.line(`d${k}[${at}] = ${emitter.value(operand)} ? 1 : 0`)
    else if (kind === 'decimal128') emitter.line(`${emitter.constant(writeDecimal)}(d${k}, ${at}, ${emitter.value(operand)})`)
    else if (kind === 'int64' && operand.value === undefined && operand.lazyValue === undefined) {
      // The number form, split into the two halves of the lane; no bigint is made.
      const number = emitter.number(operand)
      const high = emitter.let(`Math.floor(${number} / 4294967296)`)
      emitter.line(`e${k}[2 * ${at}] = ${number} - ${high} * 4294967296`)
      emitter.line(`e${k}[2 * ${at} + 1] = ${high}`)
    } else emitter.line(`d${k}[${at}] = ${emitter.value(operand)}`)
  }
  if (operand.isNull === undefined) write()
  else {
    emitter.block(`if (${operand.isNull} === 0)`, write)
    emitter.line(`else { u${k}[${at} >> 3] |= 1 << (${at} & 7); outs[${k}].used = 1 }`)
  }
  return `const d${k} = outs[${k}].lanes, e${k} = outs[${k}].words, u${k} = outs[${k}].nulls`
}

/** Finds the row and the expression behind a failure, by evaluating the batch again row by row. */
function explain(error: unknown, expressions: readonly Expression[], batch: Batch, schema: Schema, context: EvaluationContext): unknown {
  if (!(error instanceof EvaluationFailure)) return error
  const evaluators = expressions.map((expression) => prepareEvaluator(bindExpression(expression), context))
  for (let r = 0; r < batch.length; r++) {
    const row: Value[] = batch.columns.map((column) => readValue(column, batch.position(r)))
    for (const [k, evaluator] of evaluators.entries()) {
      try {
        evaluator(row)
      } catch (cause) {
        if (!(cause instanceof EvaluationFailure)) return cause
        return new ExpressionFailed(
          { reason: cause.message, expression: describeExpression(expressions[k] as Expression, schema), row: describeRow(row, schema) },
          { cause },
        )
      }
    }
  }
  const shown = expressions.map((expression) => describeExpression(expression, schema)).join(', ')
  return new ExpressionFailed({ reason: error.message, expression: shown, row: '(not found again)' }, { cause: error })
}
