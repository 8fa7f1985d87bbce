/**
 * Plays an operator around functions through the operator harness: every way of batching, interrupted in every way. Elements are objects
 * (generic) unless types are given; keyed inputs have their key in `$key`.
 */
import { expect } from 'chai'
import type { Value } from '#core/types/logical-type.js'
import { RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'
import { ObjectReader, ObjectWriter } from '#runtime/columnar/object-codec.js'
import { createFunctionOperator } from '#runtime/operators/process/create-operator.js'
import type { FunctionDefinition, FunctionKind } from '#runtime/operators/process/definition.js'
import type { OutputTag } from '#runtime/operators/process/functions.js'
import { keyColumn, keyedStreamSchema, streamSchema, taggedStreamSchema } from '#runtime/operators/process/stream-layout.js'
import type { TypeInformation } from '#runtime/operators/process/type-information.js'
import { INTERRUPTIONS, type Interruption } from '../../../operators/interruptions.js'
import type { Row } from '../../../operators/rows.js'
import { BATCHINGS, runOperator, type Batching, type Result, type Step, type Subject } from '../../../operators/run.js'

export const GENERIC: TypeInformation = { kind: 'generic' }

export interface Shape {
  readonly inputs?: readonly TypeInformation[]
  /** By input: elements have keys. */
  readonly keyed?: readonly boolean[]
  readonly output?: TypeInformation
  readonly sideOutputs?: readonly OutputTag<unknown>[]
  readonly configuration?: Readonly<Record<string, string>>
}

/** An element of an input. `key` of keyed inputs: a string or a small number. */
export interface Element {
  readonly value: unknown
  readonly timestamp?: number
  readonly key?: string | number
  readonly input?: number
}
export type Play = Element | { readonly watermark: number } | { readonly wait: number }

export interface Got {
  readonly value: unknown
  /** Undefined: none. */
  readonly timestamp: number | undefined
  /** 0: the main output. */
  readonly output: number
}
export interface Run {
  readonly elements: readonly Got[]
  readonly late: number
  readonly result: Result
}

/** Made anew for each subtask: functions may keep their subtask's handles. */
export type Kind = FunctionKind | (() => FunctionKind)

export function subjectOf(kind: Kind, shape: Shape = {}): Subject {
  const types = shape.inputs ?? [GENERIC]
  const keyed = shape.keyed ?? types.map(() => false)
  const output = shape.output ?? GENERIC
  const sideOutputs = shape.sideOutputs ?? []
  const definition = (): FunctionDefinition => ({
    ...(typeof kind === 'function' ? kind() : kind),
    inputs: types.map((type, i) => (keyed[i] === true ? { type, key: { columns: [keyColumn(type)], type: GENERIC } } : { type })),
    output,
    sideOutputs,
  })
  const schemas = types.map((type, i) => (keyed[i] === true ? keyedStreamSchema(type) : streamSchema(type)))
  const subject = {
    spec: { op: 'union' } as const,
    inputs: schemas,
    output: sideOutputs.length === 0 ? streamSchema(output) : taggedStreamSchema([output, ...sideOutputs.map((tag) => tag.type)]),
    create: () => createFunctionOperator(definition()),
    ...(shape.configuration !== undefined && { configuration: shape.configuration }),
  }
  return keyed.every((is) => is) ? { ...subject, keys: types.map((type) => [keyColumn(type)]) } : subject
}

export async function run(
  kind: Kind,
  shape: Shape,
  plays: readonly Play[],
  batching: Batching = 'one',
  interruption: Interruption = 'none',
): Promise<Run> {
  const subject = subjectOf(kind, shape)
  const result = await runOperator(
    subject,
    plays.map((play) => stepOf(play, subject.inputs)),
    batching,
    interruption,
  )
  const elements = result.rows.map((row) => gotOf(row, subject.output, shape))
  return { elements, late: result.late, result }
}

/** Every batching without interruption, every interruption between single rows. */
const WAYS: readonly (readonly [Batching, Interruption])[] = [
  ...BATCHINGS.map((batching) => [batching, 'none'] as const),
  ...INTERRUPTIONS.filter((interruption) => interruption !== 'none').map((interruption) => ['rows', interruption] as const),
]

/** Checks what comes out, for every batching and every interruption. */
export async function runAll(kind: Kind, shape: Shape, plays: readonly Play[], check: (run: Run) => void): Promise<void> {
  for (const [batching, interruption] of WAYS) {
    try {
      check(await run(kind, shape, plays, batching, interruption))
    } catch (error) {
      if (error instanceof Error) error.message = `batches cut as '${batching}', interruption '${interruption}': ${error.message}`
      throw error
    }
  }
}

/** Texts of values, sorted: what was emitted, whatever the order of keys. */
export function sorted(run: Run, output = 0): string[] {
  return run.elements
    .filter((element) => element.output === output)
    .map(({ value, timestamp }) => `${JSON.stringify(value)}${timestamp === undefined ? '' : ` @${timestamp}`}`)
    .sort()
}

export async function failure(run: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await run
  } catch (error) {
    return error as Error
  }
  return expect.fail('it did not fail')
}

function stepOf(play: Play, schemas: readonly Schema[]): Step {
  if ('watermark' in play) return { type: 'watermark', watermark: play.watermark }
  if ('wait' in play) return { type: 'wait', ms: play.wait }
  return { type: 'row', input: play.input ?? 0, row: rowOf(play, schemas) }
}

export function rowOf(play: Element, schemas: readonly Schema[]): Row {
  const { fields } = schemas[play.input ?? 0] as Schema
  const values: unknown[] = fields.map(({ name }) => {
    if (name === '$value') return play.value
    if (name === '$timestamp') return play.timestamp ?? NaN
    if (name === '$key') return keyText(play.key)
    return (play.value as Record<string, unknown>)[name] ?? null
  })
  return { kind: RowKind.INSERT, values: values as Value[] }
}

/** The bytes of the key as a text; ASCII for what tests use. */
function keyText(key: unknown): string {
  const writer = new ObjectWriter(true)
  writer.write(key)
  return Buffer.from(writer.slice()).toString('latin1')
}

function gotOf(row: Row, schema: Schema, shape: Shape): Got {
  const timestamp = row.values.at(-1) as number
  const at = timestamp !== timestamp ? undefined : timestamp
  if (shape.sideOutputs === undefined || shape.sideOutputs.length === 0) {
    return { value: valueOf(row.values.slice(0, -1), schema, 0), timestamp: at, output: 0 }
  }
  const output = row.values[0] as number
  const columns = row.values.slice(1, -1)
  return { value: columns[output], timestamp: at, output }
}

function valueOf(values: readonly unknown[], schema: Schema, first: number): unknown {
  if (schema.fields[first]?.name === '$value') return values[0]
  return Object.fromEntries(values.map((value, i) => [schema.fields[first + i]?.name, value]))
}

/** A copy, as it comes out of state. */
export function copyOf<T>(value: T): T {
  const writer = new ObjectWriter()
  writer.write(value)
  return new ObjectReader().read(writer.slice()) as T
}
