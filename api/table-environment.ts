/**
 * The entry point of a job program for SQL: Flink's TableEnvironment. A program is a module that exports `main`:
 *
 *   import type { TableEnvironment } from 'weft'
 *
 *   export async function main(env: TableEnvironment): Promise<void> {
 *     env.set('parallelism.default', '2')
 *     await env.executeSql(`CREATE TABLE … WITH (…)`)
 *     const insert = await env.executeSql('INSERT INTO sink SELECT … FROM source')
 *     await insert.wait()
 *   }
 *
 * It runs in the JobManager, so it needs no connection to anything; with a session it runs in the client.
 */

/** A row of a SELECT: cells as text (CAST AS STRING), null for NULL. */
export interface TableRow {
  /** `+I`, `-U`, `+U` or `-D`. */
  readonly kind: '+I' | '-U' | '+U' | '-D'
  readonly cells: readonly (string | null)[]
}

export interface TableResult {
  /** Id of the job that the statement started; undefined for DDL, SET and the like. */
  readonly jobId: string | undefined
  /** Names of the result's columns; empty for an INSERT. */
  readonly columns: readonly string[]
  /** Resolves when the statement's job has finished; at once where there is none. Rejects with the job's failure. */
  wait(): Promise<void>
  /** The rows, as they come. Can be read once. */
  collect(): AsyncIterable<TableRow>
}

export interface TableEnvironment {
  /** Arguments that followed the program's name on the command line. */
  readonly args: readonly string[]
  /** Runs one statement. An INSERT or SELECT has been submitted when the promise resolves. @throws the statement's error */
  executeSql(statement: string): Promise<TableResult>
  /** Sets a configuration option for the statements after it, like SET. @throws CONFIG_UNKNOWN_OPTION, CONFIG_INVALID_VALUE */
  set(key: string, value: string): void
}

/** What a job module exports. */
export type Program = (env: TableEnvironment) => Promise<void> | void
