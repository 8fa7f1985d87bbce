/** Runs SQL cases in a session of its own: planned as the master plans them, executed by an embedded cluster, shown as the client shows them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Configuration } from '#core/config/configuration.js'
import { systemEnvironment } from '#core/time/environment.js'
import { typeToString } from '#core/types/logical-type.js'
import { ROW_KIND_SYMBOLS } from '#core/types/row-kind.js'
import type { CollectedRow } from '#core/rpc/operator-events.js'
import { describeFailure } from '#am/application/describe-failure.js'
import { MaterializedRows } from '#client/cli/materialized-rows.js'
import { parseScript } from '#sql/parser/parse-statement.js'
import { SourceText } from '#sql/parser/source-text.js'
import { SqlSession } from '#sql/session/sql-session.js'
import type { StatementEffect } from '#sql/session/statement-effect.js'
import type { EmbeddedCluster } from './embedded-cluster.js'
import type { SqlCase } from './sql-file.js'

export interface Mode {
  readonly runtimeMode: 'BATCH' | 'STREAMING'
  readonly parallelism: number
}

type JobEffect = Extract<StatementEffect, { kind: 'job' }>

export class SqlRunner {
  readonly #cluster: EmbeddedCluster
  readonly #folder: string
  readonly #session: SqlSession

  constructor(cluster: EmbeddedCluster, folder: string) {
    this.#cluster = cluster
    this.#folder = folder
    const configuration = Configuration.of({ 'table.local-time-zone': 'UTC' })
    this.#session = new SqlSession({ configuration, random: systemEnvironment.random, clock: systemEnvironment.clock })
  }

  file(path: string, text: string): void {
    const target = join(this.#folder, path)
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, text)
  }

  /** Runs the statements, each job to its end. Answers with the last one's result as the client's table would show it, and its changes. */
  async run(text: string, mode: Mode): Promise<{ rows: string[]; changes: string[] }> {
    let last: { rows: string[]; changes: string[] } = { rows: [], changes: [] }
    for (const effect of this.#effects(text, mode)) last = await this.#perform(effect)
    return last
  }

  /** `name TYPE` of each column of the result. */
  types(text: string): string[] {
    const effect = [...this.#effects(text, { runtimeMode: 'BATCH', parallelism: 1 })].at(-1)
    if (effect?.kind !== 'job') throw new Error('a query was expected')
    const collect = effect.jobGraph.vertices.flatMap((vertex) => vertex.operators).find(({ spec }) => spec.op === 'collect')
    return collect?.outputSchema.fields.map(({ name, type }) => `${name} ${typeToString(type)}`) ?? []
  }

  /** What the user reads when the statements fail; undefined when they do not. */
  async failure(text: string, mode: Mode): Promise<string | undefined> {
    try {
      await this.run(text, mode)
      return undefined
    } catch (error) {
      return describeFailure(error)
    }
  }

  *#effects(text: string, { runtimeMode, parallelism }: Mode): Generator<StatementEffect> {
    const settings = new SourceText('', `SET 'execution.runtime-mode' = '${runtimeMode}'; SET 'parallelism.default' = '${parallelism}';`)
    for (const statement of parseScript(settings)) this.#session.execute(statement, settings)
    const source = new SourceText('', text.replaceAll('$DIR', this.#folder))
    for (const statement of parseScript(source)) yield this.#session.execute(statement, source)
  }

  async #perform(effect: StatementEffect): Promise<{ rows: string[]; changes: string[] }> {
    switch (effect.kind) {
      case 'none':
        return { rows: [], changes: [] }
      case 'message':
        return { rows: effect.text.split('\n'), changes: [] }
      case 'rows':
        return { rows: effect.rows.map(rowText), changes: [] }
      case 'job':
        return await this.#runJob(effect)
    }
  }

  async #runJob({ jobGraph, columns, order }: JobEffect): Promise<{ rows: string[]; changes: string[] }> {
    const changes = await this.#cluster.run(jobGraph)
    const state = new MaterializedRows()
    for (const change of changes) state.apply(change)
    const shown = ({ cells }: CollectedRow) => rowText(cells.slice(0, columns?.length))
    return {
      rows: state.rows(order).map(shown),
      changes: changes.map((change) => `${ROW_KIND_SYMBOLS[change.kind as 0 | 1 | 2 | 3]} ${shown(change)}`),
    }
  }
}

/** Trailing blanks go, since an editor would take them. */
function rowText(cells: readonly (string | null)[]): string {
  return cells
    .map((cell) => cell ?? 'NULL')
    .join(' | ')
    .trimEnd()
}

/** The modes in which a case runs. */
export function modesOf({ kind, words }: SqlCase): Mode[] {
  const all = kind === 'query'
  const chosen = (one: string, other: string, fallback: boolean) => words.includes(one) || (!words.includes(other) && (all || fallback))
  const runtimeModes = [
    ...(chosen('batch', 'streaming', false) ? ['BATCH' as const] : []),
    ...(chosen('streaming', 'batch', true) ? ['STREAMING' as const] : []),
  ]
  const parallelisms = [...(chosen('single', 'parallel', true) ? [1] : []), ...(chosen('parallel', 'single', false) ? [3] : [])]
  return parallelisms.flatMap((parallelism) => runtimeModes.map((runtimeMode) => ({ runtimeMode, parallelism })))
}
