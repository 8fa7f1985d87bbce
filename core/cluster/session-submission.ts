/**
 * How a job comes to a session: the client puts it into the session's submission directory, which only the session's user may write,
 * and then tells the master its id over REST. So nobody can start a job who may not write there, whoever reaches REST; large content
 * goes through no proxy; and a later attempt of the master finds the jobs again.
 *
 *   <submission directory>/<job id>/submission.json    the job graph, SubmissionSchema
 *                                   program.mjs        the bundle with its functions, where it has any
 *                                   accepted           written by the master: the job is to run, in later attempts too
 */
import * as z from '../zod.js'
import { BlobReferenceSchema } from '../graph/program-reference.js'
import type { JobId } from '../ids/ids.js'

export const SUBMISSION_FILE = 'submission.json'
export const SUBMITTED_PROGRAM_FILE = 'program.mjs'
export const ACCEPTED_FILE = 'accepted'
/** Of a submission.json, bytes. */
export const MAX_SUBMISSION_BYTES = 64 * 1024 * 1024

export const SubmissionSchema = z.object({
  version: z.literal(1),
  jobId: z.string().regex(/^[0-9a-f]{32}$/) as unknown as z.ZodType<JobId>,
  /** A JobGraph, as the client's compiler made it; checked where the job starts. */
  jobGraph: z.unknown(),
  /** SHA-256 and length of program.mjs; null: there is none. */
  program: BlobReferenceSchema.nullable(),
})
export type Submission = z.infer<typeof SubmissionSchema>
