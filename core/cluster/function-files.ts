/** Modules that a SQL script's CREATE FUNCTION statements name, bundled where the script lies and sent with it. */
import * as z from '../zod.js'
import { MAX_MODULE_LENGTH } from '../graph/function-module.js'

/** The module as one ES module, or why there is none: its functions are refused when they are called. */
export const FunctionFileSchema = z.union([
  z.object({ source: z.string().max(MAX_MODULE_LENGTH) }),
  z.object({ problem: z.string().max(100_000) }),
])
export type FunctionFile = z.infer<typeof FunctionFileSchema>

/** By the path as CREATE FUNCTION has it. */
export const FunctionFilesSchema = z.record(z.string().max(10_000), FunctionFileSchema)
export type FunctionFiles = z.infer<typeof FunctionFilesSchema>
