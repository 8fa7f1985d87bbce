/**
 * User functions in this thread: modules by digest, each registered once, and their exports as functions of the function table. A module's
 * text is imported from a file that only this user can read and that is gone when it is loaded.
 *
 * Values cross as the DataStream API has them: BIGINT as bigint, DECIMAL as text, DATE as days, TIMESTAMP and TIMESTAMP_LTZ as ms since the epoch.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { userFunctionOf, type FunctionModule, type UserFunction } from '#core/graph/function-module.js'
import { STRING, typeToString, withNullable, type LogicalType, type Value } from '#core/types/logical-type.js'
import { castValue } from './cast.js'
import { decimalToString } from './decimal.js'
import { EvaluationFailure, type EvaluationContext } from './evaluation.js'
import type { FunctionDefinition, RowFunction } from './functions/definition.js'
import { canCast, typeInMessage } from './type-rules.js'

type Exports = Readonly<Record<string, unknown>>
type Eval = (...args: unknown[]) => unknown

interface Registered {
  readonly module: FunctionModule
  readonly exports: Exports
  readonly definitions: Map<string, FunctionDefinition>
}

const registered = new Map<string, Registered>()

/** The module's exports. Rejects with what its own code throws while it is loaded. */
export async function importModule(source: string): Promise<Exports> {
  // Places in errors are then those of the author's files.
  process.setSourceMapsEnabled(true)
  const directory = await mkdtemp(join(tmpdir(), 'weft-functions-'))
  try {
    const path = join(directory, 'functions.mjs')
    await writeFile(path, source, { mode: 0o600 })
    return (await import(pathToFileURL(path).href)) as Exports
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

export function registerModule(module: FunctionModule, exports: Exports): void {
  registered.set(module.digest, { module, exports, definitions: new Map() })
}

export function registeredModule(digest: string): FunctionModule | undefined {
  return registered.get(digest)?.module
}

/** Makes the modules' functions known here. Rejects with what a module's own code throws. */
export async function loadModules(modules: readonly FunctionModule[]): Promise<void> {
  for (const module of modules) {
    if (!registered.has(module.digest)) registerModule(module, await importModule(module.source))
  }
}

/** `name`: USER:<digest>:<export>:<name in SQL>. */
export function findUserFunction(name: string): FunctionDefinition | undefined {
  const parts = userFunctionOf(name)
  const known = parts === undefined ? undefined : registered.get(parts.digest)
  if (parts === undefined || known === undefined) return undefined
  let definition = known.definitions.get(name)
  if (definition === undefined) {
    const declared = known.module.functions.find((each) => each.export === parts.exported)
    const implementation = known.exports[parts.exported]
    if (declared === undefined || typeof implementation !== 'object' || implementation === null) return undefined
    const label = `${parts.called} (${known.module.name}#${parts.exported})`
    definition = scalarDefinition(name, label, declared, implementation as { eval: Eval })
    known.definitions.set(name, definition)
  }
  return definition
}

/** What is wrong with these arguments, in Flink's words; undefined: nothing. */
export function argumentProblem(called: string, { parameters }: UserFunction, argTypes: readonly LogicalType[]): string | undefined {
  const fits =
    argTypes.length === parameters.length &&
    parameters.every((parameter, i) => {
      const given = argTypes[i] as LogicalType
      return given.kind === 'NULL' || canCast(given, parameter, false)
    })
  if (fits) return undefined
  const given = argTypes.map((type) => typeInMessage(type)).join(', ')
  const expected = parameters.map((type) => typeToString(withNullable(type, true))).join(', ')
  return `Invalid function call: ${called}(${given}). Expected signatures are: ${called}(${expected})`
}

export function resultType({ parameters, returns }: UserFunction, argTypes: readonly LogicalType[]): LogicalType {
  const spared = parameters.some((parameter, i) => !parameter.nullable && argTypes[i]?.nullable !== false)
  return withNullable(returns, returns.nullable || spared)
}

function scalarDefinition(name: string, label: string, declared: UserFunction, implementation: { eval: Eval }): FunctionDefinition {
  const { parameters, deterministic } = declared
  return {
    name,
    nulls: parameters.length > 0 && parameters.every(({ nullable }) => !nullable) ? 'strict' : 'custom',
    ...(deterministic ? {} : { deterministic: false as const }),
    resolve(argTypes) {
      const problem = argumentProblem(userFunctionOf(name)?.called ?? name, declared, argTypes)
      if (problem !== undefined) return { problem }
      return { argTypes: parameters.map((type) => withNullable(type, true)), type: resultType(declared, argTypes) }
    },
    bind: ({ context }) => rowFunction(label, declared, implementation, context),
  }
}

function rowFunction(
  label: string,
  { parameters, returns }: UserFunction,
  implementation: { eval: Eval },
  context: EvaluationContext,
): RowFunction {
  const given = parameters.map((type) => outgoing(type))
  const required = parameters.map(({ nullable }) => !nullable)
  const take = incoming(label, returns, context)
  return (...values: Value[]) => {
    for (let i = 0; i < values.length; i++) {
      if (values[i] === null) {
        if (required[i] === true) return null
      } else {
        const convert = given[i]
        if (convert !== undefined) values[i] = convert(values[i] as Value)
      }
    }
    let result: unknown
    try {
      result = implementation.eval(...values)
    } catch (error) {
      throw new EvaluationFailure(`Function ${label} failed: ${problemOf(error)}`, { cause: error })
    }
    return take(result)
  }
}

/** From a column's value to what the function is given; undefined: the same. */
function outgoing(type: LogicalType): ((value: Value) => Value) | undefined {
  switch (type.kind) {
    case 'DECIMAL':
      return (value) => decimalToString(value as bigint, type.scale)
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return (value) => Number(value)
    default:
      return undefined
  }
}

const INTEGERS: Readonly<Record<string, number>> = { TINYINT: 2 ** 7, SMALLINT: 2 ** 15, INT: 2 ** 31, DATE: 2 ** 31 }

/** From what the function returned to a column's value. @throws EvaluationFailure when it is none of the declared type */
function incoming(label: string, type: LogicalType, context: EvaluationContext): (result: unknown) => Value {
  const refuse = (result: unknown): EvaluationFailure =>
    new EvaluationFailure(`Function ${label} declares ${typeToString(type)} and returned ${shown(result)}`)
  const convert = (result: unknown): Value | undefined => {
    switch (type.kind) {
      case 'BOOLEAN':
        return typeof result === 'boolean' ? result : undefined
      case 'TINYINT':
      case 'SMALLINT':
      case 'INT':
      case 'DATE': {
        const limit = INTEGERS[type.kind] as number
        return typeof result === 'number' && Number.isInteger(result) && result >= -limit && result < limit ? result : undefined
      }
      case 'BIGINT':
        if (typeof result === 'number') return Number.isSafeInteger(result) ? BigInt(result) : undefined
        return typeof result === 'bigint' && BigInt.asIntN(64, result) === result ? result : undefined
      case 'FLOAT':
        return typeof result === 'number' ? Math.fround(result) : undefined
      case 'DOUBLE':
        return typeof result === 'number' ? result : undefined
      case 'VARCHAR':
        return typeof result === 'string' ? castValue(result, STRING, type, context) : undefined
      case 'TIMESTAMP':
      case 'TIMESTAMP_LTZ':
        return typeof result === 'number' && Number.isSafeInteger(result) ? BigInt(result) : undefined
      case 'DECIMAL':
        return typeof result === 'string' || typeof result === 'number' || typeof result === 'bigint'
          ? castValue(String(result), STRING, type, context)
          : undefined
      default:
        return undefined
    }
  }
  return (result) => {
    if (result === null) {
      if (type.nullable) return null
      throw refuse(result)
    }
    const value = convert(result)
    if (value === undefined || value === null) throw refuse(result)
    return value
  }
}

const SHOWN = 60

function shown(result: unknown): string {
  if (result === undefined) return 'undefined (NULL is null)'
  if (result === null) return 'null'
  if (typeof (result as { then?: unknown }).then === 'function') return 'a promise: functions answer at once'
  const text =
    typeof result === 'string'
      ? `'${result}'`
      : typeof result === 'bigint'
        ? `${result}n`
        : typeof result === 'object'
          ? 'an object'
          : String(result)
  return `${text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text} (${typeof result})`
}

/** The error and the innermost place of its own code. */
function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return `it threw ${shown(error)}`
  const place = (error.stack ?? '').split('\n').find((line) => /^\s+at /.test(line) && !/\bnode:/.test(line))
  return `${error.name}: ${error.message}${place === undefined ? '' : `\n${place}`}`
}
