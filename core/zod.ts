/**
 * What of zod Weft uses (by name, so that the bundle holds no more). By itself zod would make code for each schema at its first use:
 * that costs more at start than it saves, and code is made in one place only (runtime/expr/generated-code.ts). The setting counts
 * for schemas declared after it.
 */
import { config } from 'zod'

config({ jitless: true })

export {
  array,
  boolean,
  discriminatedUnion,
  enum,
  int,
  lazy,
  literal,
  looseObject,
  null,
  number,
  object,
  preprocess,
  prettifyError,
  record,
  string,
  tuple,
  union,
  unknown,
} from 'zod'
export type { infer, ZodType } from 'zod'
