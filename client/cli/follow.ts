/**
 * Attached mode: follows an application from its first statement to its end. Progress goes to stderr, results to stdout.
 */
import { rootCause } from '#core/errors/wire-error.js'
import { isTerminalJobState } from '#core/graph/states.js'
import type { ApplicationDetails, CollectedRows, JobDetails, ResultSortKey, StatementSummary } from '#core/rest/responses.js'
import type { CollectedRow } from '#core/rpc/operator-events.js'
import { sleep, type Environment } from '#core/time/environment.js'
import { MasterRefused, MasterUnreachable, type MasterClient } from '../cluster/master-client.js'
import { MaterializedRows } from './materialized-rows.js'
import { Progress, type TextSink } from './progress.js'
import { borderLine, headerLines, layoutFor, rowLine, type TableLayout } from './result-table.js'

const POLL_INTERVAL_MS = 50
const SLOW_POLL_INTERVAL_MS = 500
/** Polls begin close together, so that short jobs end at once, and slow down to the slow interval. */
const SLOWED_AFTER_MS = 5_000
/** Rows that are shown as they come before only a count is. */
const MAX_SHOWN_ROWS = 10_000
/** Rows of a result that the client keeps in memory. */
const MAX_KEPT_ROWS = 1_000_000
const PROGRESS_INTERVAL_MS = 250

/** What is asked of an application: a master's, or one that runs here over a session. */
export type FollowedApplication = Pick<MasterClient, 'application' | 'acknowledge' | 'job' | 'collect'>

export interface FollowContext {
  readonly client: FollowedApplication
  readonly applicationId: string
  readonly environment: Environment
  readonly out: TextSink
  readonly err: TextSink
  readonly maxColumnWidth: number
  /** Ends the following: whoever aborts it does not wait for the outcome. */
  readonly signal?: AbortSignal
  /** A SELECT has begun whose rows come here. */
  onResult?(): void
  /** Resolves when the application can say no more: it ended, or was killed. Undefined: still there. */
  gone(): Promise<ApplicationEnd | undefined>
}

export interface ApplicationEnd {
  readonly succeeded: boolean
  /** Lines for people, cause first; empty when it went well. */
  readonly failure: string
}

/** One SELECT's rows on their way to the terminal. */
class ResultView {
  readonly #columns: readonly string[]
  readonly #order: readonly ResultSortKey[]
  readonly #context: FollowContext
  #state = new MaterializedRows()
  /** The rows would not fit into this process: only the changes are shown. */
  #tooMany = false
  readonly #streaming: boolean
  #layout: TableLayout | undefined
  #shown = 0
  #total = 0
  token = 0
  ended = false

  constructor({ columns, order }: StatementSummary, streaming: boolean, context: FollowContext) {
    this.#columns = columns ?? []
    this.#order = order ?? []
    this.#streaming = streaming
    this.#context = context
  }

  add(rows: readonly CollectedRow[]): void {
    if (rows.length === 0) return
    this.#total += rows.length
    if (!this.#tooMany) {
      for (const row of rows) this.#state.apply(row)
      this.#tooMany = this.#state.size > MAX_KEPT_ROWS
      if (this.#tooMany) this.#state = new MaterializedRows()
    }
    if (!this.#streaming) return
    if (this.#layout === undefined) {
      this.#layout = layoutFor(this.#columns, rows, true, this.#context.maxColumnWidth)
      this.#print(headerLines(this.#layout))
    }
    const layout = this.#layout
    const shown = rows.slice(0, Math.max(0, MAX_SHOWN_ROWS - this.#shown))
    this.#shown += shown.length
    this.#print(shown.map((row) => rowLine(layout, row)))
  }

  /** The rows will come again from the first on. */
  restart(): void {
    if (this.#layout !== undefined) this.#print([borderLine(this.#layout)])
    this.#state = new MaterializedRows()
    this.#tooMany = false
    this.#layout = undefined
    this.#shown = 0
    this.#total = 0
    this.token = 0
  }

  /** The table as it stands at the end: that of a bounded query, or what a changelog adds up to. */
  finish(): void {
    if (this.#layout !== undefined) {
      this.#print([borderLine(this.#layout), `Received a total of ${count(this.#total)}`])
      if (this.#total > this.#shown) this.#print([`(${this.#total - this.#shown} rows were not shown)`])
    }
    if (this.#tooMany)
      return this.#print([
        `The result has more than ${MAX_KEPT_ROWS} rows and is not shown as a table. Write it to a table of its own (INSERT INTO).`,
      ])
    const rows = this.#state.rows(this.#order)
    // What stands on the screen already is not repeated.
    if (this.#layout !== undefined && !this.#state.hasChanges && isOrdered(rows, this.#state.rows())) return
    const layout = layoutFor(this.#columns, rows, false, this.#context.maxColumnWidth)
    if (this.#layout !== undefined) this.#print(['', 'Result:'])
    this.#print([...headerLines(layout), ...rows.map((row) => rowLine(layout, row)), borderLine(layout), `${count(rows.length)} in set`])
  }

  #print(lines: readonly string[]): void {
    if (lines.length > 0) this.#context.out.write(lines.join('\n') + '\n')
  }
}

/** Resolves with the application's end. Prints everything on the way except the failure. Rejects when its signal is aborted. */
export async function followApplication(context: FollowContext): Promise<ApplicationEnd> {
  const { environment } = context
  const follower = new Follower(context)
  const started = environment.clock.monotonic()
  // How often in a row it did not answer; told from the second time on.
  let silent = 0
  for (;;) {
    context.signal?.throwIfAborted()
    let delay = environment.clock.monotonic() - started < SLOWED_AFTER_MS ? POLL_INTERVAL_MS : SLOW_POLL_INTERVAL_MS
    try {
      const end = await follower.poll()
      if (end !== undefined) return end
      if (silent > 1) follower.note('The JobManager answers again.')
      silent = 0
    } catch (error) {
      // It may start again, or have ended for good: whoever runs it knows.
      if (!MasterUnreachable.is(rootCause(error)) && !MasterUnreachable.is(error)) throw error
      const end = await context.gone()
      if (end !== undefined) return follower.leave(end)
      if (++silent === 2) follower.note('The JobManager does not answer. Waiting for it, or for the one that takes its place.')
      delay = SLOW_POLL_INTERVAL_MS
    }
    await sleep(environment, delay)
  }
}

/** What has been seen and shown of the application so far. */
class Follower {
  readonly #context: FollowContext
  readonly #progress: Progress
  readonly #views = new Map<string, ResultView>()
  readonly #announced = new Set<string>()
  readonly #finished = new Set<string>()
  /** Statements up to this one have shown what they answer. */
  #shownStatements = 0
  #lastProgress = -Infinity

  constructor(context: FollowContext) {
    this.#context = context
    this.#progress = new Progress(context.err)
  }

  /** Asks once and shows what is new. Defined: the application has ended. @throws CLIENT_MASTER_UNREACHABLE */
  async poll(): Promise<ApplicationEnd | undefined> {
    const { client, applicationId } = this.#context
    const application = await client.application(applicationId)
    for (const statement of application.statements) {
      if (statement.jobid === null) this.#showAnswer(statement)
      else await this.#followJob(statement, statement.jobid, application)
    }
    if (!['FINISHED', 'FAILED', 'CANCELED'].includes(application.status)) return undefined
    // One that still runs then is a session's, and goes on without whoever started it.
    const running = new Set(application.jobs.filter(({ state }) => !isTerminalJobState(state)).map(({ jid }) => jid))
    if (![...this.#announced].every((id) => this.#finished.has(id) || running.has(id))) return undefined
    await client.acknowledge(applicationId).catch(() => undefined) // the master ends by itself a little later
    return this.leave({ succeeded: application.status === 'FINISHED', failure: application.failure ?? '' })
  }

  note(line: string): void {
    this.#progress.clear()
    this.#context.err.write(`${line}\n`)
  }

  leave(end: ApplicationEnd): ApplicationEnd {
    this.#progress.clear()
    return end
  }

  /** The lines of SHOW, DESCRIBE, EXPLAIN. */
  #showAnswer({ index, columns, rows }: StatementSummary): void {
    if (index < this.#shownStatements) return
    this.#shownStatements = index + 1
    if (rows === null || columns === null) return
    this.#progress.clear()
    const cells = rows.map((row) => ({ kind: 0, cells: row }))
    // A plan is text of many lines: it is no use in a box.
    const lines =
      columns.length === 1 && rows.some(([cell]) => (cell ?? '').length > this.#context.maxColumnWidth)
        ? rows.map(([cell]) => cell ?? '')
        : boxed(columns, cells)
    this.#context.out.write(lines.join('\n') + '\n')
  }

  async #followJob(statement: StatementSummary, id: string, application: ApplicationDetails): Promise<void> {
    const { client, environment, err } = this.#context
    const summary = application.jobs.find((job) => job.jid === id)
    if (!this.#announced.has(id)) {
      this.#announced.add(id)
      this.#progress.clear()
      err.write(`Job has been submitted with JobID ${id}\n`)
      if (statement.columns !== null) {
        this.#views.set(id, new ResultView(statement, summary?.jobType !== 'BATCH', this.#context))
        this.#context.onResult?.()
      }
    }
    if (this.#finished.has(id)) return
    const view = this.#views.get(id)
    if (view !== undefined && !view.ended) await this.#fetch(id, view)
    if (summary === undefined) return
    if (isTerminalJobState(summary.state) && (view === undefined || view.ended || summary.state !== 'FINISHED')) {
      const job = await client.job(id)
      this.#finished.add(id)
      finishJob(job, view, this.#progress, this.#context)
    } else if (environment.clock.monotonic() - this.#lastProgress >= PROGRESS_INTERVAL_MS) {
      this.#lastProgress = environment.clock.monotonic()
      this.#progress.show(await client.job(id), this.#lastProgress)
    }
  }

  async #fetch(id: string, view: ResultView): Promise<void> {
    const { client, err } = this.#context
    for (let more = true; more;) {
      let answer: CollectedRows
      try {
        answer = await client.collect(id, view.token)
      } catch (error) {
        // A JobManager that took over runs the query from its beginning; it does not know the place that the last one had reached.
        if (!MasterRefused.is(error) || error.details.status !== 400 || view.token === 0) throw error
        this.#progress.clear()
        err.write(`The JobManager was replaced: the result of job ${id} begins anew.\n`)
        view.restart()
        continue
      }
      if (answer.rows.length > 0) this.#progress.clear()
      view.add(answer.rows)
      more = answer.rows.length > 0 && !answer.end
      view.token = answer.next
      view.ended = answer.end
    }
  }
}

function boxed(columns: readonly string[], rows: readonly CollectedRow[]): string[] {
  const layout = layoutFor(columns, rows, false, Infinity)
  return [...headerLines(layout), ...rows.map((row) => rowLine(layout, row)), borderLine(layout), `${count(rows.length)} in set`]
}

function finishJob(job: JobDetails, view: ResultView | undefined, progress: Progress, context: FollowContext): void {
  progress.clear()
  context.err.write(progress.describe(job, context.environment.clock.monotonic()).join('\n') + '\n')
  if (job.state !== 'FINISHED') return
  view?.finish()
  context.err.write(`Job with JobID ${job.jid} has finished.\nJob Runtime: ${job.duration} ms\n\n`)
}

function isOrdered(rows: readonly CollectedRow[], arrived: readonly CollectedRow[]): boolean {
  return rows.every((row, i) => row === arrived[i])
}

function count(rows: number): string {
  return `${rows} ${rows === 1 ? 'row' : 'rows'}`
}
