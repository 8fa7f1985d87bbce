/** A bundled TypeScript or JavaScript program as the application's program: its `main(env)` runs here. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { ROW_KIND_SYMBOLS } from '#core/types/row-kind.js'
import { sleep, type Environment } from '#core/time/environment.js'
import type { Configuration } from '#core/config/configuration.js'
import type { JobId } from '#core/ids/ids.js'
import { PROGRAM_HOST, type ProgramHost } from '#api/datastream/program-host.js'
import { programFailed, runProgram } from '#api/program.js'
import type { TableEnvironment, TableResult, TableRow } from '#api/table-environment.js'
import { parseScript } from '#sql/parser/parse-statement.js'
import { SourceText } from '#sql/parser/source-text.js'
import { SqlSession } from '#sql/session/sql-session.js'
import { ProgramExecutions } from './program-executions.js'
import { jobFinished, type StartedJob, type StatementRunner } from './statement-runner.js'

export interface ModuleProgram {
  readonly name: string
  /** Of the bundle. */
  readonly url: string
  readonly args: readonly string[]
  readonly configuration: Configuration
  readonly jobId: JobId
}

const POLL_MS = 10

/** Resolves when `main` has returned; jobs that it does not wait for may go on. @throws API_PROGRAM_WITHOUT_MAIN, API_PROGRAM_FAILED */
export async function runModuleProgram(
  program: ModuleProgram,
  environment: Environment,
  runner: StatementRunner,
  canceled: () => boolean,
): Promise<void> {
  // Places in errors are then those of the program's own files, by the bundle's source map.
  process.setSourceMapsEnabled(true)
  const bundle = await readFile(fileURLToPath(program.url))
  const executions = new ProgramExecutions({ ...program, bundle }, environment, runner, canceled)
  ;(globalThis as { [PROGRAM_HOST]?: ProgramHost })[PROGRAM_HOST] = executions
  const module = await importProgram(program)
  const tables = new ProgramTables(program, environment, runner, canceled)
  // A module that ran a job while it was loaded needs no main.
  if (typeof (module['main'] ?? module['default']) === 'function' || executions.executions === 0)
    await runProgram(program.name, module, tables)
  if (canceled()) return
  executions.checkExecuted()
  tables.showUnread()
}

/** @throws API_PROGRAM_FAILED when its own code at the top fails */
async function importProgram({ name, url }: ModuleProgram): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(url)) as Readonly<Record<string, unknown>>
  } catch (error) {
    throw programFailed(name, error)
  }
}

/** Flink's TableEnvironment over a session and the Dispatcher. */
class ProgramTables implements TableEnvironment {
  readonly args: readonly string[]
  readonly #name: string
  readonly #environment: Environment
  readonly #runner: StatementRunner
  readonly #canceled: () => boolean
  readonly #session: SqlSession
  readonly #results: StartedJob[] = []

  constructor(
    { name, args, configuration, jobId }: ModuleProgram,
    environment: Environment,
    runner: StatementRunner,
    canceled: () => boolean,
  ) {
    this.args = args
    this.#name = name
    this.#environment = environment
    this.#runner = runner
    this.#canceled = canceled
    this.#session = new SqlSession({ configuration, random: environment.random, clock: environment.clock, jobId })
  }

  async executeSql(statement: string): Promise<TableResult> {
    const source = new SourceText(this.#name, statement)
    const parsed = parseScript(source)
    const single = parsed[0]
    if (single === undefined || parsed.length > 1)
      throw new Error(`executeSql takes one statement at a time, and was given ${parsed.length}`)
    if (this.#canceled()) return await new Promise<never>(() => undefined) // the application is ending; nothing of the program runs any more
    const effect = this.#session.execute(single, source)
    const started = this.#runner.executeUnread({ text: statement, kind: single.statement.kind, effect })
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

  /** Results that the program has not read are for whoever started it. @throws APPLICATION_DETACHED_SELECT */
  showUnread(): void {
    for (const result of this.#results) result.showToClient()
  }

  #result(started: StartedJob): TableResult {
    const { job, columns } = started
    return {
      jobId: job.jobId,
      columns,
      wait: async () => {
        started.showToClient()
        await jobFinished(job)
      },
      collect: () => {
        started.readByProgram()
        return this.#rows(started)
      },
    }
  }

  async *#rows({ job, columns }: StartedJob): AsyncGenerator<TableRow> {
    for (let token = 0; job.collect !== undefined;) {
      const { rows, next, end } = job.collect.fetch(token)
      for (const { kind, cells } of rows) yield { kind: ROW_KIND_SYMBOLS[kind as 0 | 1 | 2 | 3], cells: cells.slice(0, columns.length) }
      token = next
      if (end) break
      if (rows.length === 0) await sleep(this.#environment, POLL_MS)
    }
    await jobFinished(job)
  }
}
