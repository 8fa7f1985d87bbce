/** Where a worker finds the functions of a job: the bundle of its program, and which of the program's graphs is meant. */
import * as z from '../zod.js'

/** A blob of the job at the master (core/rpc/gateways/blob.ts): its SHA-256 and its length in bytes. */
export const BlobReferenceSchema = z.object({ blobKey: z.string().regex(/^[0-9a-f]{64}$/), size: z.int().min(1) })
export type BlobReference = z.infer<typeof BlobReferenceSchema>

/**
 * Functions are never sent. The worker runs the bundle's `main` again, up to the same `execute()`, and takes the functions of the graph that
 * is built there, by operator id.
 */
export const ProgramReferenceSchema = z.object({
  /** Of the program's file, for people. */
  name: z.string().max(1000),
  bundle: BlobReferenceSchema,
  /** What followed the program's name on the command line. */
  args: z.array(z.string().max(100_000)).max(10_000),
  /** What was set before the program began. */
  configuration: z.record(z.string(), z.string()),
  /** Which `execute()` of the program, from 0. */
  execution: z.int().min(0),
  /** A digest of each operator of the graph, in their order: the worker's graph must have the same. */
  operators: z.array(z.string().regex(/^[0-9a-f]{16}$/)).max(10_000),
})
export type ProgramReference = z.infer<typeof ProgramReferenceSchema>
