/**
 * Blobs: large parts of what the master tells its workers, fetched once by each worker instead of being sent with every task.
 * A blob belongs to one job and is named by its content, so that whoever has it needs no other proof that it is the right one.
 */
import * as z from '../../zod.js'
import { defineError } from '../../errors/define-error.js'
import { BlobReferenceSchema, TaskDeploymentDescriptorSchema } from '../../graph/deployment.js'
import { OperatorNodeSchema } from '../../graph/job-graph.js'
import type { JobId } from '../../ids/ids.js'
import { call, gateway } from '../gateway.js'

/** Largest blob, bytes: it is held in memory on both sides. */
export const MAX_BLOB_BYTES = 32 * 1024 * 1024
/** Most bytes of one answer: small enough that other calls of the connection do not wait for it. */
export const MAX_BLOB_CHUNK_BYTES = 512 * 1024

/** What is said in a blob of a vertex: its chain of operators, JSON. */
export const OperatorChainSchema = z.array(OperatorNodeSchema).min(1)

/** A TaskDeploymentDescriptor on its way to a TaskExecutor: its operators may lie in a blob of the job. */
export const SubmittedTaskSchema = TaskDeploymentDescriptorSchema.extend({ operators: z.union([OperatorChainSchema, BlobReferenceSchema]) })
export type SubmittedTask = z.infer<typeof SubmittedTaskSchema>

/** Served by the master at 'blobserver'; calls carry its epoch. */
export const BlobGateway = gateway('BlobServer', {
  /** `length` bytes from `offset` on, fewer where the blob ends before. @throws BLOB_NOT_FOUND */
  getBlob: call(
    z.object({
      jobId: z.string().regex(/^[0-9a-f]{32}$/) as unknown as z.ZodType<JobId>,
      key: BlobReferenceSchema.shape.blobKey,
      offset: z.int().min(0).max(MAX_BLOB_BYTES),
      length: z.int().min(1).max(MAX_BLOB_CHUNK_BYTES),
    }),
    /** Base64. */
    z.object({ data: z.string().max(Math.ceil(MAX_BLOB_CHUNK_BYTES / 3) * 4) }),
  ),
})

export const BlobNotFound = defineError('BLOB_NOT_FOUND', {
  recovery: 'retry-here',
  message: (d: { key: string; jobId: string }) =>
    `The JobManager has no blob ${d.key} of job ${d.jobId}: the job has ended there, or another JobManager stored it`,
})
export const BlobCorrupt = defineError('BLOB_CORRUPT', {
  recovery: 'retry-here',
  message: (d: { key: string; problem: string }) => `Blob ${d.key} did not arrive as it was stored: ${d.problem}`,
})
export const BlobTooLarge = defineError('BLOB_TOO_LARGE', {
  recovery: 'none',
  message: (d: { what: string; bytes: number; limit: number }) =>
    `${d.what} is ${d.bytes} bytes large; at most ${d.limit} can be given to a TaskManager. Put literal rows (VALUES) into a file and read that instead.`,
})
