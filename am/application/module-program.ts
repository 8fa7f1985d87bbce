/** A bundled TypeScript or JavaScript program as the application's program: its `main(env)` runs here. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { BundledProgram } from '#api/host/program-executions.js'
import type { Environment } from '#core/time/environment.js'
import { ProgramTables, type StartedStatement } from '#sql/session/program-tables.js'
import { POLL_MS, ApplicationExecutions } from './program-executions.js'
import { jobFinished, type StartedJob, type StatementRunner } from './statement-runner.js'

export interface ModuleProgram extends Omit<BundledProgram, 'bundle'> {
  /** Of the bundle. */
  readonly url: string
}

/**
 * Resolves when `main` has returned; jobs that it does not wait for may go on.
 * @throws API_PROGRAM_WITHOUT_MAIN, API_PROGRAM_FAILED, API_EXECUTE_MISSING, APPLICATION_DETACHED_SELECT
 */
export async function runModuleProgram(
  program: ModuleProgram,
  environment: Environment,
  runner: StatementRunner,
  canceled: () => boolean,
): Promise<void> {
  const bundle = await readFile(fileURLToPath(program.url))
  const executions = new ApplicationExecutions({ ...program, bundle }, environment, runner, canceled)
  const tables = new ProgramTables(program, {
    environment,
    pollMs: POLL_MS,
    ended: canceled,
    execute: (statement) => statementOf(runner.executeUnread(statement)),
  })
  await executions.run(program.url, tables)
  if (canceled()) return
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
    fetch: (token) => job.collect?.fetch(token) ?? { rows: [], next: token, end: true },
    finished: () => jobFinished(job),
  }
}
