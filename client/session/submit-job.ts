/** Hands a job graph to a session: its files first, then its id (core/cluster/session-submission.ts). */
import { createHash } from 'node:crypto'
import { MAX_SUBMISSION_BYTES, SUBMISSION_FILE, SUBMITTED_PROGRAM_FILE, type Submission } from '#core/cluster/session-submission.js'
import { PermissionDenied } from '#core/fs/errors.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import { sleep, type Environment, type Millis } from '#core/time/environment.js'
import { MasterRefused, MasterUnreachable } from '../cluster/master-client.js'
import { JobRefused, SessionOfAnother } from './errors.js'
import { RemoteJob } from './remote-job.js'
import type { SessionConnection } from './session-connection.js'

const PRIVATE_DIRECTORY = 0o700
const PRIVATE_FILE = 0o600
/** A JobManager that is replaced is away for a while. */
const UNREACHABLE_PATIENCE_MS: Millis = 15_000
const RETRY_MS: Millis = 500

/**
 * Resolves when the session has taken the job. What was staged for one that is refused is removed.
 * @throws SESSION_JOB_REFUSED, SESSION_NOT_PERMITTED, CLIENT_MASTER_UNREACHABLE, FS_*
 */
export async function submitJob(
  connection: SessionConnection,
  environment: Environment,
  jobGraph: JobGraph,
  bundle?: Uint8Array,
): Promise<RemoteJob> {
  const { files, details, name } = connection
  const { jobId } = jobGraph
  const directory = `${details['submission-directory']}/${jobId}`
  const program = bundle === undefined ? null : { blobKey: createHash('sha256').update(bundle).digest('hex'), size: bundle.length }
  const submission: Submission = { version: 1, jobId, jobGraph, program }
  const content = Buffer.from(JSON.stringify(submission))
  if (content.length > MAX_SUBMISSION_BYTES)
    throw new JobRefused({
      session: name,
      reason: `its graph is ${content.length} bytes large, and at most ${MAX_SUBMISSION_BYTES} are taken. Put literal rows (VALUES) into a file and read that instead`,
    })
  try {
    await files.mkdirs(directory, PRIVATE_DIRECTORY)
    if (bundle !== undefined) await write(connection, `${directory}/${SUBMITTED_PROGRAM_FILE}`, bundle)
    await write(connection, `${directory}/${SUBMISSION_FILE}`, content)
    await start(connection, environment, jobId)
  } catch (error) {
    // One that is not answered may run all the same, and is then found again by a JobManager that takes over.
    if (!MasterUnreachable.is(error)) await files.delete(directory).catch(() => undefined)
    if (PermissionDenied.is(error))
      throw new SessionOfAnother(
        { session: name, owner: details.user, user: process.env['HADOOP_USER_NAME'] ?? 'another' },
        { cause: error },
      )
    if (MasterRefused.is(error)) throw new JobRefused({ session: name, reason: error.details.reason }, { cause: error })
    throw error
  }
  return new RemoteJob(connection, environment, jobId, jobGraph.name)
}

/** May be repeated: a job that runs is not started twice. */
async function start({ master, gone }: SessionConnection, environment: Environment, jobId: string): Promise<void> {
  const since = environment.clock.monotonic()
  for (;;) {
    try {
      await master.submit(jobId)
      return
    } catch (error) {
      if (!MasterUnreachable.is(error) || environment.clock.monotonic() - since > UNREACHABLE_PATIENCE_MS) throw error
      if ((await gone()) !== undefined) throw error
      await sleep(environment, RETRY_MS)
    }
  }
}

async function write({ files }: SessionConnection, path: string, bytes: Uint8Array): Promise<void> {
  const writer = await files.create(path, { overwrite: true, permission: PRIVATE_FILE })
  try {
    await writer.write(bytes)
    await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
}
