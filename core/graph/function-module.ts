/**
 * User functions of SQL (CREATE FUNCTION … AS 'module#export') as they travel with a job: the module, bundled to one text, and what each of
 * its exports declares. An expression names a function by `USER:<digest>:<export>:<name in SQL>`.
 */
import * as z from '../zod.js'
import { LogicalTypeSchema } from '../types/logical-type.js'

/** Of a module's text, with everything that it imports. */
export const MAX_MODULE_LENGTH = 8 * 1024 * 1024

export const UserFunctionSchema = z.object({
  export: z.string().min(1).max(60),
  kind: z.literal('scalar'),
  /** In order; NOT NULL: a row with NULL there gives NULL without a call. */
  parameters: z.array(LogicalTypeSchema).max(100).readonly(),
  returns: LogicalTypeSchema,
  /** Equal arguments give equal results, so that calls may be folded and shared. */
  deterministic: z.boolean(),
})
export type UserFunction = z.infer<typeof UserFunctionSchema>

export const FunctionModuleSchema = z.object({
  /** As in CREATE FUNCTION, for people. */
  name: z.string().max(1000),
  /** Of the source. */
  digest: z.string().regex(/^[0-9a-f]{16}$/),
  /** An ES module. */
  source: z.string().max(MAX_MODULE_LENGTH),
  functions: z.array(UserFunctionSchema).max(10_000).readonly(),
})
export type FunctionModule = z.infer<typeof FunctionModuleSchema>

const PREFIX = 'USER:'

export function userFunctionName(digest: string, exported: string, called: string): string {
  return `${PREFIX}${digest}:${exported}:${called}`
}

/** The parts of such a name; undefined: it names a function of SQL. */
export function userFunctionOf(name: string): { readonly digest: string; readonly exported: string; readonly called: string } | undefined {
  if (!name.startsWith(PREFIX)) return undefined
  const [, digest = '', exported = '', ...called] = name.split(':')
  return { digest, exported, called: called.join(':') }
}

/** Digests of all modules that the calls in `value` (a spec, an expression) need, each once. */
export function moduleDigests(value: unknown, found = new Set<string>()): ReadonlySet<string> {
  if (Array.isArray(value)) for (const item of value) moduleDigests(item, found)
  else if (typeof value === 'object' && value !== null) {
    const { kind, name } = value as { readonly kind?: unknown; readonly name?: unknown }
    const digest = kind === 'call' && typeof name === 'string' ? userFunctionOf(name)?.digest : undefined
    if (digest !== undefined) found.add(digest)
    for (const inner of Object.values(value)) if (typeof inner === 'object') moduleDigests(inner, found)
  }
  return found
}
