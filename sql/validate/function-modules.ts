/**
 * Modules of user functions: bundled texts to functions that statements can call. What an export declares is checked here, before any
 * statement is compiled; that a module is missing or wrong is said by the first call of its functions, as in Flink.
 *
 *   export const count_char = { parameters: ['STRING', 'STRING'], returns: 'BIGINT', eval: (text, character) => … }
 */
import { createHash } from 'node:crypto'
import { MAX_MODULE_LENGTH, type FunctionModule, type UserFunction } from '#core/graph/function-module.js'
import type { LogicalType } from '#core/types/logical-type.js'
import { importModule, registerModule, registeredModule } from '#runtime/expr/user-functions.js'
import type { FunctionFile } from '#core/cluster/function-files.js'
import { tokenize } from '../parser/lexer.js'
import { parseType } from '../parser/parse-type.js'
import { SourceText } from '../parser/source-text.js'
import { TokenStream } from '../parser/token-stream.js'
import { logicalType } from './data-type.js'

/** What an export is to SQL. */
export type ModuleExport = UserFunction | { readonly problem: string }
export interface LoadedModule {
  readonly digest: string
  readonly exports: ReadonlyMap<string, ModuleExport>
}
/** By the path in CREATE FUNCTION. */
export type FunctionModules = ReadonlyMap<string, LoadedModule | { readonly problem: string }>

const MAX_EXPORT = 60
/** What columns of functions' arguments and results may be. */
const KINDS: ReadonlySet<LogicalType['kind']> = new Set([
  ...(['BOOLEAN', 'TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'FLOAT', 'DOUBLE', 'DECIMAL'] as const),
  ...(['VARCHAR', 'DATE', 'TIMESTAMP', 'TIMESTAMP_LTZ'] as const),
])

/** Never rejects: what is wrong with a module is in its entry. */
export async function loadFunctionModules(files: Readonly<Record<string, FunctionFile>>): Promise<FunctionModules> {
  const modules = new Map<string, LoadedModule | { readonly problem: string }>()
  for (const [path, file] of Object.entries(files)) modules.set(path, 'problem' in file ? file : await loadModule(path, file.source))
  return modules
}

async function loadModule(path: string, source: string): Promise<LoadedModule | { readonly problem: string }> {
  if (source.length > MAX_MODULE_LENGTH) return { problem: `with what it imports it is larger than ${MAX_MODULE_LENGTH} characters` }
  const digest = createHash('sha256').update(source).digest('hex').slice(0, 16)
  let found: Readonly<Record<string, unknown>>
  try {
    found = await importModule(source)
  } catch (error) {
    return { problem: `it fails while it is loaded: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}` }
  }
  const exports = new Map(Object.entries(found).map(([name, value]): [string, ModuleExport] => [name, declaration(name, value)]))
  const functions = [...exports.values()].flatMap((each) => ('problem' in each ? [] : [each]))
  if (registeredModule(digest) === undefined) {
    const module: FunctionModule = { name: path, digest, source, functions }
    registerModule(module, found)
  }
  return { digest, exports }
}

function declaration(name: string, value: unknown): ModuleExport {
  if (name.length > MAX_EXPORT) return { problem: `its name is longer than ${MAX_EXPORT} characters` }
  if (typeof value !== 'object' || value === null) return { problem: "it is no object with 'parameters', 'returns' and 'eval'" }
  const { parameters, returns, eval: evaluate, deterministic = true } = value as Readonly<Record<string, unknown>>
  if (typeof evaluate !== 'function') return { problem: "it has no method 'eval'" }
  if (!Array.isArray(parameters) || !parameters.every((each) => typeof each === 'string') || parameters.length > 100)
    return { problem: "'parameters' is no list of SQL types such as ['STRING', 'INT']" }
  if (typeof returns !== 'string') return { problem: "'returns' is no SQL type such as 'BIGINT'" }
  if (typeof deterministic !== 'boolean') return { problem: "'deterministic' is neither true nor false" }
  const types: LogicalType[] = []
  for (const text of [...(parameters as string[]), returns]) {
    const type = typeOf(text)
    if ('problem' in type) return type
    types.push(type)
  }
  return { export: name, kind: 'scalar', parameters: types.slice(0, -1), returns: types.at(-1) as LogicalType, deterministic }
}

/** A type as CREATE TABLE takes it. */
function typeOf(text: string): LogicalType | { readonly problem: string } {
  const source = new SourceText('', text)
  try {
    const tokens = new TokenStream(source, tokenize(source))
    const node = parseType(tokens)
    if (tokens.token.kind !== 'end') return { problem: `'${text}' is no SQL type` }
    const type = logicalType(source, node)
    return KINDS.has(type.kind) ? type : { problem: `functions take and give no ${text} yet` }
  } catch (error) {
    return { problem: `'${text}' is no type that Weft knows: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}` }
  }
}
