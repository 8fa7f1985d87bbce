/**
 * A bundled TypeScript or JavaScript program whose jobs run in a session: its `main(env)` runs in this client, as with Flink's. Workers
 * find its functions by operator id in the bundle, which goes with each job.
 */
import { readFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { collectedRows } from '#core/rest/collected-rows.js'
import type { SubmittedJob } from '#api/datastream/program-host.js'
import { decodeCollected } from '#api/host/coordinators.js'
import { ProgramExecutions, type BundledProgram } from '#api/host/program-executions.js'
import type { ProgramGraph } from '#api/host/program-graph.js'
import { ProgramTables, type StartedStatement } from '#sql/session/program-tables.js'
import type { RemoteJob } from './remote-job.js'
import { savepointOf } from './remote-savepoint.js'
import type { SessionApplication, StartedJob } from './session-application.js'
import type { SessionConnection } from './session-connection.js'

export interface SessionProgram extends Omit<BundledProgram, 'bundle'> {
  /** Of the bundle. */
  readonly path: string
}

const POLL_MS = 50

/** Resolves when `main` has returned; jobs that it does not wait for go on. @throws API_PROGRAM_*, API_EXECUTE_MISSING, SESSION_* */
export async function runSessionProgram(
  program: SessionProgram,
  application: SessionApplication,
  connection: SessionConnection,
): Promise<void> {
  const bundle = await readFile(program.path)
  const executions = new SessionExecutions({ ...program, bundle }, application, connection)
  const tables = new ProgramTables(program, {
    environment: application.environment,
    pollMs: POLL_MS,
    ended: () => application.left,
    execute: async (statement) => statementOf(await application.executeUnread(statement)),
  })
  await executions.run(pathToFileURL(program.path).href, tables)
  executions.checkExecuted()
  await tables.showUnread()
}

function statementOf(started: StartedJob | undefined): StartedStatement | undefined {
  if (started === undefined) return undefined
  const { job, columns } = started
  return {
    jobId: job.jobId,
    columns,
    readByProgram: () => started.readByProgram(),
    showToClient: () => started.showToClient(),
    fetch: (token) => job.fetch(token),
    finished: () => job.finished(),
  }
}

class SessionExecutions extends ProgramExecutions {
  readonly #application: SessionApplication
  readonly #connection: SessionConnection

  constructor(program: BundledProgram, application: SessionApplication, connection: SessionConnection) {
    super(program)
    this.#application = application
    this.#connection = connection
  }

  /** Nobody waits any more. */
  protected ended(): boolean {
    return this.#application.left
  }

  protected async start({ jobGraph }: ProgramGraph): Promise<SubmittedJob> {
    return this.#submitted(await this.#application.executeProgram(jobGraph, this.program.bundle))
  }

  #submitted(job: RemoteJob): SubmittedJob {
    const application = this.#application
    return {
      getJobID: () => job.jobId,
      getJobStatus: () => job.state(),
      cancel: async () => {
        await application.cancel(job)
        await job.ended()
      },
      triggerSavepoint: (directory) => savepointOf(this.#connection, application.environment, job.jobId, { directory, stop: undefined }),
      stopWithSavepoint: (drain, directory) =>
        savepointOf(this.#connection, application.environment, job.jobId, { directory, stop: drain ? 'drain' : 'suspend' }),
      // Detached, execute() returns once the session has taken the job.
      getJobExecutionResult: async () => ({ jobId: job.jobId, netRuntime: application.attached ? await job.finished() : 0 }),
      collect: () => this.#elements(job),
    }
  }

  async *#elements(job: RemoteJob): AsyncGenerator<unknown> {
    for await (const { cells } of collectedRows((token) => job.fetch(token), this.#application.environment, POLL_MS))
      yield decodeCollected(cells[0] ?? null)
    await job.finished()
  }
}
