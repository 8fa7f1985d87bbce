/**
 * Attached mode: follows an application from its first statement to its end. Progress goes to stderr, results to stdout.
 */
import { rootCause } from '#core/errors/wire-error.js'
import { isTerminalJobState } from '#core/graph/states.js'
import type { ApplicationDetails, JobDetails, ResultSortKey, StatementSummary } from '#core/rest/responses.js'
import type { CollectedRow } from '#core/rpc/operator-events.js'
import { sleep, type Environment } from '#core/time/environment.js'
import { MasterUnreachable, type MasterClient } from '../cluster/master-client.js'
import { MaterializedRows } from './materialized-rows.js'
import { Progress, type TextSink } from './progress.js'
import { borderLine, headerLines, layoutFor, rowLine, type TableLayout } from './result-table.js'

const POLL_INTERVAL_MS = 50
const SLOW_POLL_INTERVAL_MS = 500
/** Polls begin close together, so that short jobs end at once, and slow down to the slow interval. */
const SLOWED_AFTER_MS = 5_000
/** Rows that are shown as they come before only a count is. */
const MAX_SHOWN_ROWS = 10_000
const PROGRESS_INTERVAL_MS = 250

export interface FollowContext {
  readonly client: MasterClient
  readonly applicationId: string
  readonly environment: Environment
  readonly out: TextSink
  readonly err: TextSink
  readonly maxColumnWidth: number
  /** Ends the following: whoever aborts it does not wait for the outcome. */
  readonly signal?: AbortSignal
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
  readonly #state = new MaterializedRows()
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
    for (const row of rows) this.#state.apply(row)
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

  /** The table as it stands at the end: that of a bounded query, or what a changelog adds up to. */
  finish(): void {
    if (this.#layout !== undefined) {
      this.#print([borderLine(this.#layout), `Received a total of ${count(this.#total)}`])
      if (this.#total > this.#shown) this.#print([`(${this.#total - this.#shown} rows were not shown)`])
    }
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
  const { client, environment, applicationId } = context
  const progress = new Progress(context.err)
  const views = new Map<string, ResultView>()
  const announced = new Set<string>()
  const finished = new Set<string>()
  const started = environment.clock.monotonic()
  let lastProgress = -Infinity
  for (;;) {
    context.signal?.throwIfAborted()
    let application: ApplicationDetails
    try {
      application = await client.application(applicationId)
    } catch (error) {
      if (!MasterUnreachable.is(rootCause(error)) && !MasterUnreachable.is(error)) throw error
      const end = await context.gone()
      if (end !== undefined) {
        progress.clear()
        return end
      }
      await sleep(environment, SLOW_POLL_INTERVAL_MS)
      continue
    }
    const ended = ['FINISHED', 'FAILED', 'CANCELED'].includes(application.status)
    for (const statement of application.statements) {
      const id = statement.jobid
      if (id === null) continue
      if (!announced.has(id)) {
        announced.add(id)
        progress.clear()
        context.err.write(`Job has been submitted with JobID ${id}\n`)
        const type = application.jobs.find((job) => job.jid === id)?.jobType
        if (statement.columns !== null) views.set(id, new ResultView(statement, type !== 'BATCH', context))
      }
      if (finished.has(id)) continue
      const view = views.get(id)
      if (view !== undefined && !view.ended) {
        for (let more = true; more; ) {
          const { rows, next, end } = await client.collect(id, view.token)
          if (rows.length > 0) progress.clear()
          view.add(rows)
          more = rows.length > 0 && !end
          view.token = next
          view.ended = end
        }
      }
      const summary = application.jobs.find((job) => job.jid === id)
      if (summary === undefined) continue
      if (isTerminalJobState(summary.state) && (view === undefined || view.ended || summary.state !== 'FINISHED')) {
        finished.add(id)
        const job = await client.job(id)
        finishJob(job, view, progress, context)
      } else if (environment.clock.monotonic() - lastProgress >= PROGRESS_INTERVAL_MS) {
        lastProgress = environment.clock.monotonic()
        progress.show(await client.job(id), lastProgress)
      }
    }
    if (ended && [...announced].every((id) => finished.has(id))) {
      progress.clear()
      await client.acknowledge(applicationId).catch(() => undefined) // the master ends by itself a little later
      return { succeeded: application.status === 'FINISHED', failure: application.failure ?? '' }
    }
    await sleep(environment, environment.clock.monotonic() - started < SLOWED_AFTER_MS ? POLL_INTERVAL_MS : SLOW_POLL_INTERVAL_MS)
  }
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
