/** Runs one statement after the other and shows what comes of it, with Flink's words. */
import { Configuration } from '#core/config/configuration.js'
import { RUNTIME_MODE } from '#core/config/options/execution.js'
import { DML_SYNC, MAX_COLUMN_WIDTH } from '#core/config/options/sql.js'
import { MAX_TABLE_RESULT_ROWS, PRINT_TIME_COST, RESULT_MODE, VERBOSE } from '#core/config/options/sql-client.js'
import type { CollectedRow } from '#core/rpc/operator-events.js'
import type { Environment } from '#core/time/environment.js'
import type { TextSink } from '../cli/progress.js'
import { borderLine, headerLines, layoutFor, rowLine } from '../cli/result-table.js'
import type { ClientColumn, GatewayClient, ResultPage } from './gateway-client.js'
import type { ResultView, ViewMode } from './result-view.js'
import { layoutByTypes } from './tableau.js'

export interface RunnerOptions {
  readonly client: GatewayClient
  readonly environment: Environment
  /** Results. */
  readonly out: TextSink
  /** What is told beside them. */
  readonly info: TextSink
  /** Absent where there is no terminal to fill. Resolves when the user has left the view. */
  readonly fullScreen?: (view: ResultView, pages: AsyncGenerator<ResultPage, void>) => Promise<void>
}

/** Options that say how something is shown. */
const SHOWN_BY = [RUNTIME_MODE, DML_SYNC, MAX_COLUMN_WIDTH, RESULT_MODE, MAX_TABLE_RESULT_ROWS, PRINT_TIME_COST, VERBOSE]

export class StatementRunner {
  readonly #options: RunnerOptions
  readonly #jobIds: string[] = []

  constructor(options: RunnerOptions) {
    this.#options = options
  }

  /** Of INSERTs that were submitted and not waited for. */
  get jobIds(): readonly string[] {
    return this.#jobIds
  }

  /** Of the session, those that matter here. */
  async settings(): Promise<Configuration> {
    const all = await this.#options.client.settings()
    return Configuration.of(Object.fromEntries(SHOWN_BY.flatMap(({ key }) => (all[key] === undefined ? [] : [[key, all[key]]]))))
  }

  /** Resolves when its last row has been shown, or `signal` was given and it is cancelled. @throws what it failed with */
  async run(statement: string, signal: AbortSignal): Promise<void> {
    const { client, environment, info } = this.#options
    const began = environment.clock.monotonic()
    const pages = (await client.submit(statement)).pages(signal)
    try {
      const first = await pages.next()
      if (first.done === true) {
        if (signal.aborted) info.write('[INFO] The statement was cancelled.\n')
        return
      }
      const page = first.value
      const settings = await this.settings()
      const seconds = (): string =>
        settings.get(PRINT_TIME_COST) ? ` (${((environment.clock.monotonic() - began) / 1000).toFixed(2)} seconds)` : ''
      if (page.isQuery) await this.#query(page, pages, settings, signal, seconds)
      else this.#answer(page, await rowsOf(page, pages), settings, seconds)
    } finally {
      await pages.return()
    }
  }

  #answer(page: ResultPage, rows: readonly CollectedRow[], settings: Configuration, seconds: () => string): void {
    const { out, info } = this.#options
    const [column] = page.columns
    if (page.isPlainSuccess) info.write('[INFO] Execute statement succeeded.\n')
    else if (page.jobId !== undefined) {
      if (settings.get(DML_SYNC)) return info.write('[INFO] Complete execution of the SQL update statement.\n')
      this.#jobIds.push(page.jobId)
      info.write(`[INFO] SQL update statement has been successfully submitted to the cluster:\nJob ID: ${page.jobId}\n`)
    } else if (page.columns.length === 1 && column?.name === 'result' && rows.length === 1)
      // A plan, or a CREATE statement.
      out.write(`${rows[0]?.cells[0] ?? ''}\n`)
    else this.#table(page.columns, rows, seconds, Number.MAX_SAFE_INTEGER)
  }

  async #query(
    first: ResultPage,
    rest: AsyncGenerator<ResultPage, void>,
    settings: Configuration,
    signal: AbortSignal,
    seconds: () => string,
  ): Promise<void> {
    const { fullScreen, info } = this.#options
    const mode = settings.get(RESULT_MODE)
    if (fullScreen !== undefined && mode !== 'TABLEAU') {
      await this.#whole(mode, first, rest, settings, fullScreen)
      return info.write('[INFO] Result retrieval cancelled.\n')
    }
    if (settings.get(RUNTIME_MODE) !== 'BATCH') return this.#changes(first, rest, settings, signal, seconds)
    const rows = await rowsOf(first, rest)
    if (signal.aborted) info.write('[INFO] Query terminated.\n')
    else this.#table(first.columns, rows, seconds, settings.get(MAX_COLUMN_WIDTH))
  }

  async #whole(
    mode: ViewMode,
    first: ResultPage,
    rest: AsyncGenerator<ResultPage, void>,
    settings: Configuration,
    fullScreen: NonNullable<RunnerOptions['fullScreen']>,
  ): Promise<void> {
    const { ResultView } = await import('./result-view.js')
    const names = first.columns.map(({ name }) => name)
    const view = new ResultView(mode, names, settings.get(MAX_TABLE_RESULT_ROWS), settings.get(MAX_COLUMN_WIDTH))
    view.add(first.rows)
    await fullScreen(view, rest)
  }

  /** Each change as it comes. */
  async #changes(
    first: ResultPage,
    rest: AsyncGenerator<ResultPage, void>,
    settings: Configuration,
    signal: AbortSignal,
    seconds: () => string,
  ): Promise<void> {
    const { out } = this.#options
    const layout = layoutByTypes(first.columns, settings.get(MAX_COLUMN_WIDTH))
    out.write(`${headerLines(layout).join('\n')}\n`)
    let count = 0
    const show = (rows: readonly CollectedRow[]): void => {
      count += rows.length
      if (rows.length > 0) out.write(`${rows.map((row) => rowLine(layout, row)).join('\n')}\n`)
    }
    show(first.rows)
    for await (const { rows } of rest) show(rows)
    if (count > 0) out.write(`${borderLine(layout)}\n`)
    const total = `${count} ${count === 1 ? 'row' : 'rows'}`
    out.write(signal.aborted ? `Query terminated, received a total of ${total}\n` : `Received a total of ${total}${seconds()}\n`)
  }

  #table(columns: readonly ClientColumn[], rows: readonly CollectedRow[], seconds: () => string, maxWidth: number): void {
    const { out } = this.#options
    if (rows.length === 0) return out.write(`Empty set${seconds()}\n`)
    const layout = layoutFor(
      columns.map(({ name }) => name),
      rows,
      false,
      maxWidth,
    )
    const lines = [...headerLines(layout), ...rows.map((row) => rowLine(layout, row)), borderLine(layout)]
    out.write(`${lines.join('\n')}\n${rows.length} ${rows.length === 1 ? 'row' : 'rows'} in set${seconds()}\n`)
  }
}

async function rowsOf(first: ResultPage, rest: AsyncGenerator<ResultPage, void>): Promise<CollectedRow[]> {
  const rows = [...first.rows]
  for await (const page of rest) for (const row of page.rows) rows.push(row)
  return rows
}
