/**
 * A bundled TypeScript or JavaScript program whose jobs run in a session: its `main(env)` runs in this client, as with Flink's. Workers
 * find its functions by operator id in the bundle, which goes with each job.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { Configuration } from '#core/config/configuration.js'
import { executedJobId, type JobId } from '#core/ids/ids.js'
import { MAX_BLOB_BYTES } from '#core/rpc/gateways/blob.js'
import { sleep } from '#core/time/environment.js'
import { ROW_KIND_SYMBOLS } from '#core/types/row-kind.js'
import { PROGRAM_HOST, type ProgramHost, type SubmittedJob } from '#api/datastream/program-host.js'
import type { Pipeline } from '#api/datastream/transformation.js'
import { decodeCollected } from '#api/host/coordinators.js'
import { ProgramTooLarge } from '#api/host/graph-errors.js'
import { programGraph } from '#api/host/program-graph.js'
import { programFailed, runProgram } from '#api/program.js'
import type { TableEnvironment, TableResult, TableRow } from '#api/table-environment.js'
import { parseScript } from '#sql/parser/parse-statement.js'
import { SourceText } from '#sql/parser/source-text.js'
import { SqlSession } from '#sql/session/sql-session.js'
import { savepointOf } from './remote-savepoint.js'
import { ExecuteMissing } from './errors.js'
import type { RemoteJob } from './remote-job.js'
import type { SessionApplication, StartedJob } from './session-application.js'
import type { SessionConnection } from './session-connection.js'

export interface SessionProgram {
  readonly name: string
  /** Of the bundle. */
  readonly path: string
  readonly args: readonly string[]
  readonly configuration: Configuration
  readonly jobId: JobId
}

const POLL_MS = 50

/** Resolves when `main` has returned; jobs that it does not wait for go on. @throws API_PROGRAM_*, SESSION_* */
export async function runSessionProgram(
  program: SessionProgram,
  application: SessionApplication,
  connection: SessionConnection,
): Promise<void> {
  // Places in errors are then those of the program's own files, by the bundle's source map.
  process.setSourceMapsEnabled(true)
  const bundle = await readFile(program.path)
  const executions = new SessionExecutions(program, bundle, application, connection)
  ;(globalThis as { [PROGRAM_HOST]?: ProgramHost })[PROGRAM_HOST] = executions
  const module = await importProgram(program)
  const tables = new SessionTables(program, application)
  // A module that ran a job while it was loaded needs no main.
  if (typeof (module['main'] ?? module['default']) === 'function' || executions.executions === 0)
    await runProgram(program.name, module, tables)
  executions.checkExecuted()
  await tables.showUnread()
}

/** @throws API_PROGRAM_FAILED when its own code at the top fails */
async function importProgram({ name, path }: SessionProgram): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>
  } catch (error) {
    throw programFailed(name, error)
  }
}

class SessionExecutions implements ProgramHost {
  readonly args: readonly string[]
  readonly configuration: Readonly<Record<string, string>>
  readonly #program: SessionProgram
  readonly #bundle: Uint8Array
  readonly #application: SessionApplication
  readonly #connection: SessionConnection
  readonly #pipelines: (() => number)[] = []
  #executions = 0

  constructor(program: SessionProgram, bundle: Uint8Array, application: SessionApplication, connection: SessionConnection) {
    this.#program = program
    this.#bundle = bundle
    this.#application = application
    this.#connection = connection
    this.args = program.args
    this.configuration = program.configuration.toRecord()
  }

  /** Calls of execute() so far. */
  get executions(): number {
    return this.#executions
  }

  checkOption(key: string, value: string): void {
    Configuration.of({ [key]: value }).validate(`set in ${this.#program.name}`)
  }

  began(pipeline: () => number): void {
    this.#pipelines.push(pipeline)
  }

  /** The program has ended. @throws SESSION_EXECUTE_MISSING when it built something and ran it not */
  checkExecuted(): void {
    const operators = this.#pipelines.reduce((sum, count) => sum + count(), 0)
    if (operators > 0) throw new ExecuteMissing({ program: this.#program.name, operators })
  }

  async submit(pipeline: Pipeline): Promise<SubmittedJob> {
    if (this.#application.left) return await new Promise<never>(() => undefined) // nobody waits; nothing of the program runs any more
    const { name, args, jobId } = this.#program
    const bundle = this.#bundle
    if (bundle.length > MAX_BLOB_BYTES) throw new ProgramTooLarge({ name, bytes: bundle.length, limit: MAX_BLOB_BYTES })
    const execution = this.#executions++
    const { jobGraph } = programGraph(pipeline, executedJobId(jobId, execution), {
      name,
      bundle: { blobKey: createHash('sha256').update(bundle).digest('hex'), size: bundle.length },
      args: [...args],
      configuration: this.configuration,
      execution,
    })
    return this.#submitted(await this.#application.executeProgram(jobGraph, bundle))
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
    for (let token = 0; ;) {
      const { rows, next, end } = await job.fetch(token)
      for (const { cells } of rows) yield decodeCollected(cells[0] ?? null)
      token = next
      if (end) break
      if (rows.length === 0) await sleep(this.#application.environment, POLL_MS)
    }
    await job.finished()
  }
}

class SessionTables implements TableEnvironment {
  readonly args: readonly string[]
  readonly #name: string
  readonly #application: SessionApplication
  readonly #session: SqlSession
  readonly #results: StartedJob[] = []

  constructor({ name, args, configuration, jobId }: SessionProgram, application: SessionApplication) {
    const { random, clock } = application.environment
    this.args = args
    this.#name = name
    this.#application = application
    this.#session = new SqlSession({ configuration, random, clock, jobId })
  }

  async executeSql(statement: string): Promise<TableResult> {
    const source = new SourceText(this.#name, statement)
    const parsed = parseScript(source)
    const single = parsed[0]
    if (single === undefined || parsed.length > 1)
      throw new Error(`executeSql takes one statement at a time, and was given ${parsed.length}`)
    if (this.#application.left) return await new Promise<never>(() => undefined)
    const effect = this.#session.execute(single, source)
    const started = await this.#application.executeUnread({ text: statement, kind: single.statement.kind, effect })
    if (started !== undefined) {
      this.#results.push(started)
      return this.#result(started)
    }
    const rows = effect.kind === 'rows' ? effect.rows : effect.kind === 'message' ? effect.text.split('\n').map((line) => [line]) : []
    return {
      jobId: undefined,
      columns: effect.kind === 'rows' ? effect.columns : effect.kind === 'message' ? ['result'] : [],
      wait: () => Promise.resolve(),
      async *collect() {
        for (const cells of rows) yield { kind: '+I' as const, cells }
      },
    }
  }

  set(key: string, value: string): void {
    const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`
    const source = new SourceText(this.#name, `SET ${quoted(key)} = ${quoted(value)}`)
    for (const statement of parseScript(source)) this.#session.execute(statement, source)
  }

  /** Results that the program has not read are for whoever follows. @throws SESSION_DETACHED_SELECT */
  async showUnread(): Promise<void> {
    for (const result of this.#results) await result.showToClient()
  }

  #result(started: StartedJob): TableResult {
    const { job, columns } = started
    return {
      jobId: job.jobId,
      columns,
      wait: async () => {
        await started.showToClient()
        await job.finished()
      },
      collect: () => {
        started.readByProgram()
        return this.#rows(started)
      },
    }
  }

  async *#rows({ job, columns }: StartedJob): AsyncGenerator<TableRow> {
    for (let token = 0; columns.length > 0;) {
      const { rows, next, end } = await job.fetch(token)
      for (const { kind, cells } of rows) yield { kind: ROW_KIND_SYMBOLS[kind as 0 | 1 | 2 | 3], cells: cells.slice(0, columns.length) }
      token = next
      if (end) break
      if (rows.length === 0) await sleep(this.#application.environment, POLL_MS)
    }
    await job.finished()
  }
}
