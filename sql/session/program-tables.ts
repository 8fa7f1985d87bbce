/** Flink's TableEnvironment for a program: its statements over one SqlSession; where their jobs run is the host's. */
import type { Configuration } from '#core/config/configuration.js'
import type { JobId } from '#core/ids/ids.js'
import { collectedRows, type FetchedRows } from '#core/rest/collected-rows.js'
import type { Environment, Millis } from '#core/time/environment.js'
import { ROW_KIND_SYMBOLS } from '#core/types/row-kind.js'
import { parseScript } from '../parser/parse-statement.js'
import { SourceText } from '../parser/source-text.js'
import { SqlSession } from './sql-session.js'
import type { PlannedStatement } from './statement-effect.js'

/** A statement's job, whose result, if it has one, somebody is still to read. */
export interface StartedStatement {
  readonly jobId: string
  /** Of its result; empty: it has none. */
  readonly columns: readonly string[]
  readByProgram(): void
  /** No effect once it is read by the program. */
  showToClient(): void | Promise<void>
  fetch(token: number): FetchedRows | Promise<FetchedRows>
  /** Resolves when the job has finished; rejects with its failure. */
  finished(): Promise<unknown>
}

export interface TablesHost {
  readonly environment: Environment
  readonly pollMs: Millis
  /** Nothing of the program is to run any more. */
  ended(): boolean
  /** Undefined: the statement starts no job. */
  execute(statement: PlannedStatement): StartedStatement | undefined | Promise<StartedStatement | undefined>
}

export interface TablesOf {
  readonly name: string
  readonly args: readonly string[]
  readonly configuration: Configuration
  readonly jobId: JobId
}

type Row = { readonly kind: (typeof ROW_KIND_SYMBOLS)[0 | 1 | 2 | 3]; readonly cells: readonly (string | null)[] }

/** What executeSql answers with: the api's TableResult. */
interface Result {
  readonly jobId: string | undefined
  readonly columns: readonly string[]
  wait(): Promise<void>
  collect(): AsyncIterable<Row>
}

export class ProgramTables {
  readonly args: readonly string[]
  readonly #name: string
  readonly #host: TablesHost
  readonly #session: SqlSession
  readonly #results: StartedStatement[] = []

  constructor({ name, args, configuration, jobId }: TablesOf, host: TablesHost) {
    const { random, clock } = host.environment
    this.args = args
    this.#name = name
    this.#host = host
    this.#session = new SqlSession({ configuration, random, clock, jobId })
  }

  async executeSql(statement: string): Promise<Result> {
    const source = new SourceText(this.#name, statement)
    const parsed = parseScript(source)
    const single = parsed[0]
    if (single === undefined || parsed.length > 1)
      throw new Error(`executeSql takes one statement at a time, and was given ${parsed.length}`)
    if (this.#host.ended()) return await new Promise<never>(() => undefined)
    const effect = this.#session.execute(single, source)
    const started = await this.#host.execute({ text: statement, kind: single.statement.kind, effect })
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

  /** Results that the program has not read are for whoever follows it. @throws what the host's showToClient throws */
  async showUnread(): Promise<void> {
    for (const result of this.#results) await result.showToClient()
  }

  #result(started: StartedStatement): Result {
    const { jobId, columns } = started
    return {
      jobId,
      columns,
      wait: async () => {
        await started.showToClient()
        await started.finished()
      },
      collect: () => {
        started.readByProgram()
        return this.#rows(started)
      },
    }
  }

  async *#rows(started: StartedStatement): AsyncGenerator<Row> {
    const { columns } = started
    if (columns.length > 0)
      for await (const { kind, cells } of collectedRows((token) => started.fetch(token), this.#host.environment, this.#host.pollMs))
        yield { kind: ROW_KIND_SYMBOLS[kind as 0 | 1 | 2 | 3], cells: cells.slice(0, columns.length) }
    await started.finished()
  }
}
