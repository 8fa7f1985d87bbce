/**
 * Writes the body of a loop over the rows of a batch. For every sub-expression there is an operand: the names of variables that
 * hold its value for the current row, and of a flag that is 1 where it is NULL. Equal sub-expressions share one operand within
 * the block in which it was computed.
 *
 *   forms of a value     value  any type       boolean, int32 number, double, bigint, string
 *                        number BIGINT, times  the same as a JavaScript number (from 32-bit lanes, never boxed)
 *                        text   VARCHAR, BYTES bytes, start and length, as in a column; nested types too
 *
 * Where the flag is 1 the other variables hold garbage of the right JavaScript type.
 */
import { isBinary, typeToString, type LogicalType, type Value } from '#core/types/logical-type.js'
import { vectorKind, type VectorKind } from '../columnar/vector.js'
import type { BoundExpression } from './bound-expression.js'
import type { EvaluationContext } from './evaluation.js'
import { binaryText, decodeText, readDecimal } from './kernels.js'

export interface TextForm {
  readonly bytes: string
  readonly start: string
  readonly length: string
}

export interface Operand {
  readonly type: LogicalType
  /** Name of the NULL flag; undefined: never NULL. */
  readonly isNull: string | undefined
  readonly value?: string | undefined
  readonly number?: string | undefined
  /** The number form is exact (not a BIGINT beyond 2^53), so that it may be compared. */
  readonly exact?: boolean | undefined
  readonly text?: TextForm | undefined
  /** A value form that is computed only where it is used: the JavaScript expression, and whether NULL rows must be spared. */
  readonly lazyValue?: { readonly source: string; readonly guarded: boolean } | undefined
  readonly lazyNumber?: string | undefined
  readonly constant?: Value | undefined
}

/** Writes the code of casts and calls; beside this class so that each kind of expression has its own file. */
export interface ExpressionForms {
  cast(emitter: Emitter, cast: Extract<BoundExpression, { kind: 'cast' }>): Operand
  call(emitter: Emitter, call: Extract<BoundExpression, { kind: 'call' }>): Operand
}

const FLAG_NULL = '1'
const encoder = new TextEncoder()

export class Emitter {
  readonly context: EvaluationContext
  /** Whether columns may hold NULLs in this variant of the code. */
  readonly withNulls: boolean
  readonly constants: unknown[] = []
  readonly #constantNames = new Map<unknown, string>()
  readonly columns = new Map<number, VectorKind>()
  /** Declarations that stand before the loop. They may use `inputs`, `selection` and `length`. */
  readonly before: string[] = []
  readonly #forms: ExpressionForms
  readonly #lines: string[] = []
  #names = 0
  /** Innermost last. Operands by key of the expression, forms by `operand:form`. */
  readonly #scopes: { operands: Map<number, Operand>; forms: Map<string, string> }[] = [{ operands: new Map(), forms: new Map() }]
  readonly #keys = new Map<string, number>()
  readonly #keyOf = new WeakMap<BoundExpression, number>()
  readonly #operandIds = new WeakMap<Operand, number>()
  #operandCount = 0

  constructor(context: EvaluationContext, withNulls: boolean, forms: ExpressionForms) {
    this.#forms = forms
    this.context = context
    this.withNulls = withNulls
  }

  get lines(): string {
    return this.#lines.join('\n')
  }

  line(text: string): void {
    this.#lines.push(text)
  }

  /** A new variable name. */
  name(prefix: 'v' | 'n' | 's' | 'm' | 'b' | 'L' | 'f'): string {
    return `${prefix}${this.#names++}`
  }

  /** The name of a constant's variable. */
  constant(value: unknown): string {
    // A map takes -0 for 0.
    const known = Object.is(value, -0) ? undefined : this.#constantNames.get(value)
    if (known !== undefined) return known
    const name = `k${this.constants.push(value) - 1}`
    if (!Object.is(value, -0)) this.#constantNames.set(value, name)
    return name
  }

  /** Emits `head { … }`; what is computed inside is forgotten after it. */
  block(head: string, inside: () => void): void {
    this.line(`${head} {`)
    this.#scopes.push({ operands: new Map(), forms: new Map() })
    inside()
    this.#scopes.pop()
    this.line('}')
  }

  operand(expression: BoundExpression): Operand {
    const key = this.#key(expression)
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const known = this.#scopes[i]?.operands.get(key)
      if (known !== undefined) return known
    }
    const operand = this.#emit(expression)
    this.#scopes.at(-1)?.operands.set(key, operand)
    return operand
  }

  #emit(expression: BoundExpression): Operand {
    switch (expression.kind) {
      case 'input':
        return this.#input(expression.index, expression.type)
      case 'constant':
        return this.constantOperand(expression.value, expression.type)
      case 'cast':
        return this.#forms.cast(this, expression)
      case 'call':
        return this.#forms.call(this, expression)
    }
  }

  constantOperand(value: Value, type: LogicalType): Operand {
    if (value === null) return { type, isNull: FLAG_NULL, value: emptyValue(type), constant: null }
    const name = this.constant(value)
    if (typeof value === 'string') {
      const bytes = isBinary(type) ? new Uint8Array(Buffer.from(value, 'latin1')) : encoder.encode(value)
      return {
        type,
        isNull: undefined,
        value: name,
        text: { bytes: this.constant(bytes), start: '0', length: String(bytes.length) },
        constant: value,
      }
    }
    if (typeof value === 'bigint') {
      const number = Number(value)
      return { type, isNull: undefined, value: name, number: this.constant(number), exact: Number.isSafeInteger(number), constant: value }
    }
    return { type, isNull: undefined, value: name, constant: value }
  }

  /** Columns are `c<i>`, their NULL bits `z<i>`; int64 lanes as pairs of int32 `w<i>`; texts `c<i>`, `o<i>`, `l<i>`. */
  #input(index: number, type: LogicalType): Operand {
    const kind = vectorKind(type)
    this.columns.set(index, kind)
    let isNull: string | undefined
    if (this.withNulls || type.kind === 'NULL') {
      isNull = this.name('n')
      this.line(type.kind === 'NULL' ? `const ${isNull} = 1` : `const ${isNull} = (z${index}[i >> 3] >> (i & 7)) & 1`)
    }
    switch (kind) {
      case 'boolean':
        return { type, isNull, value: this.let(`c${index}[i] === 1`) }
      case 'int32':
      case 'float64':
        return { type, isNull, value: this.let(`c${index}[i]`) }
      case 'int64':
        return {
          type,
          isNull,
          lazyValue: { source: `c${index}[i]`, guarded: false },
          lazyNumber: `w${index}[2 * i + 1] * 4294967296 + (w${index}[2 * i] >>> 0)`,
        }
      case 'decimal128':
        return { type, isNull, value: this.let(`${this.constant(readDecimal)}(c${index}, i)`) }
      case 'object':
        throw new Error('expressions know no objects')
      case 'utf8':
        return { type, isNull, text: { bytes: `c${index}`, start: this.let(`o${index}[i]`), length: this.let(`l${index}[i]`) } }
    }
  }

  /** Declares a variable for a JavaScript expression. */
  let(source: string): string {
    const name = this.name('v')
    this.line(`const ${name} = ${source}`)
    return name
  }

  /** The value form; computed here if it is not there yet. */
  value(operand: Operand): string {
    if (operand.value !== undefined) return operand.value
    return this.#formOf(operand, 'value', () => {
      const { lazyValue, text, number } = operand
      if (lazyValue !== undefined && !lazyValue.guarded) return this.let(lazyValue.source)
      if (lazyValue === undefined && text === undefined && number === undefined) throw new Error('an operand without a form')
      const source =
        lazyValue?.source ??
        (text === undefined
          ? `BigInt(${number})`
          : `${this.constant(isBinary(operand.type) ? binaryText : decodeText)}(${text.bytes}, ${text.start}, ${text.length})`)
      return this.spared(operand, emptyValue(operand.type), source)
    })
  }

  /** The number form of a BIGINT or a time. */
  number(operand: Operand): string {
    if (operand.number !== undefined) return operand.number
    return this.#formOf(operand, 'number', () => this.let(operand.lazyNumber ?? `Number(${this.value(operand)})`))
  }

  /** True when a number form costs no conversion of a bigint. */
  hasNumber(operand: Operand): boolean {
    return operand.number !== undefined || operand.lazyNumber !== undefined
  }

  /** A variable that is `source` where the operand is not NULL, and `empty` where it is. */
  spared(operand: Operand, empty: string, source: string): string {
    if (operand.isNull === undefined) return this.let(source)
    const name = this.name('s')
    this.line(`let ${name} = ${empty}`)
    this.line(`if (${operand.isNull} === 0) ${name} = ${source}`)
    return name
  }

  #formOf(operand: Operand, form: string, make: () => string): string {
    let id = this.#operandIds.get(operand)
    if (id === undefined) this.#operandIds.set(operand, (id = this.#operandCount++))
    const key = `${id}:${form}`
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const known = this.#scopes[i]?.forms.get(key)
      if (known !== undefined) return known
    }
    const name = make()
    this.#scopes.at(-1)?.forms.set(key, name)
    return name
  }

  /** A flag that is 1 where one of them is NULL; undefined: none ever is. */
  anyNull(operands: readonly Operand[]): string | undefined {
    const flags = [...new Set(operands.map(({ isNull }) => isNull).filter((flag) => flag !== undefined))]
    if (flags.length <= 1) return flags[0]
    const name = this.name('n')
    this.line(`const ${name} = ${flags.join(' | ')}`)
    return name
  }

  /** Equal expressions have equal keys. */
  #key(expression: BoundExpression): number {
    const known = this.#keyOf.get(expression)
    if (known !== undefined) return known
    const text = this.#keyText(expression)
    let key = this.#keys.get(text)
    if (key === undefined) this.#keys.set(text, (key = this.#keys.size))
    this.#keyOf.set(expression, key)
    return key
  }

  #keyText(expression: BoundExpression): string {
    const type = typeToString(expression.type)
    switch (expression.kind) {
      case 'input':
        return `input ${expression.index} ${type}`
      case 'constant':
        return `constant ${type} ${typeof expression.value} ${Object.is(expression.value, -0) ? '-0' : String(expression.value)}`
      case 'cast':
        return `cast ${type} ${expression.safe} ${this.#key(expression.arg)}`
      case 'call':
        return `call ${type} ${expression.definition.name} ${expression.args.map((arg) => this.#key(arg)).join(' ')}`
    }
  }
}

/** Garbage of the right JavaScript type, for NULL rows. */
export function emptyValue(type: LogicalType): string {
  switch (type.kind) {
    case 'NULL':
    case 'BOOLEAN':
      return 'false'
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'DATE':
    case 'TIME':
    case 'INTERVAL_MONTHS':
    case 'FLOAT':
    case 'DOUBLE':
      return '0'
    case 'BIGINT':
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
    case 'DECIMAL':
    case 'INTERVAL_MILLIS':
      return '0n'
    case 'VARCHAR':
    case 'VARIANT':
    case 'RAW':
    case 'BYTES':
    case 'ARRAY':
    case 'MAP':
    case 'MULTISET':
    case 'ROW':
      return 'String()'
  }
}
