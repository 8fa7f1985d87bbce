/**
 * Expression specs: typed trees, plain JSON, that travel from the planner to the task where code is made from them
 * (runtime/expr). No text of the user's is ever turned into code: a literal is a value in this tree.
 */
import * as z from '../zod.js'
import { LogicalTypeSchema, type LogicalType } from '../types/logical-type.js'

/** Literal values in JSON: bigint and DECIMAL (unscaled) as decimal digits in a string; DATE and INT as number. */
export type LiteralValue = string | number | boolean | null

export type Expression =
  | { readonly kind: 'input'; /** column of the operator's input row */ readonly index: number; readonly type: LogicalType }
  | { readonly kind: 'literal'; readonly value: LiteralValue; readonly type: LogicalType }
  /** `name` is a function or operator of runtime/expr's function table, upper case: `+`, `=`, `AND`, `CASE`, `UPPER`; or a user's (function-module.ts). */
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[]; readonly type: LogicalType }
  | {
      readonly kind: 'cast'
      readonly arg: Expression
      /** TRY_CAST: NULL instead of an error */ readonly safe: boolean
      readonly type: LogicalType
    }

export const ExpressionSchema: z.ZodType<Expression> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('input'), index: z.int().min(0), type: LogicalTypeSchema }),
    z.object({ kind: z.literal('literal'), value: z.union([z.string(), z.number(), z.boolean(), z.null()]), type: LogicalTypeSchema }),
    z.object({ kind: z.literal('call'), name: z.string().max(300), args: z.array(ExpressionSchema).max(10_000), type: LogicalTypeSchema }),
    z.object({ kind: z.literal('cast'), arg: ExpressionSchema, safe: z.boolean(), type: LogicalTypeSchema }),
  ]),
)
