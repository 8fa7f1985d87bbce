/** Runs compiled statements: the part that scripts and programs share. Keeps the list of them for REST. */
import type { JobGraph } from '#core/graph/job-graph.js'
import type { StatementSummary } from '#core/rest/responses.js'
import type { Dispatcher } from '../dispatcher/dispatcher.js'
import type { JobMaster } from '../jobmaster/job-master.js'
import { ApplicationCanceled, DetachedSelect, JobFailed } from './errors.js'

/** What a statement comes to (sql/session). */
export type StatementEffect =
  | { readonly kind: 'none' }
  | { readonly kind: 'message'; readonly text: string }
  | { readonly kind: 'rows'; readonly columns: readonly string[]; readonly rows: readonly (readonly (string | null)[])[] }
  | { readonly kind: 'job'; readonly jobGraph: JobGraph; readonly columns: readonly string[] | null; readonly wait: boolean }

export interface CompiledStatement {
  readonly text: string
  readonly kind: string
  readonly effect: StatementEffect
}

export class StatementRunner {
  readonly #dispatcher: Dispatcher
  readonly #attached: boolean
  readonly #statements: StatementSummary[] = []
  readonly #jobs: JobMaster[] = []

  constructor(dispatcher: Dispatcher, attached: boolean) {
    this.#dispatcher = dispatcher
    this.#attached = attached
  }

  /** Jobs that the statements started, in order. */
  get jobs(): readonly JobMaster[] {
    return this.#jobs
  }

  get statements(): readonly StatementSummary[] {
    return this.#statements
  }

  /** Answers with the job that was started, if any. @throws APPLICATION_DETACHED_SELECT, JOB_GRAPH_INVALID */
  execute({ text, kind, effect }: CompiledStatement, hasReader = false): JobMaster | undefined {
    const index = this.#statements.length
    const summary: StatementSummary = { index, text, kind, jobid: null, columns: null, rows: null }
    switch (effect.kind) {
      case 'none':
        break
      case 'message':
        summary.columns = ['result']
        summary.rows = effect.text.split('\n').map((line) => [line])
        break
      case 'rows':
        summary.columns = [...effect.columns]
        summary.rows = effect.rows.map((row) => [...row])
        break
      case 'job': {
        if (effect.columns !== null && !this.#attached && !hasReader) throw new DetachedSelect({})
        const job = this.#dispatcher.submit(effect.jobGraph)
        this.#jobs.push(job)
        summary.jobid = job.jobId
        // A result that the program itself reads is not for the client.
        summary.columns = effect.columns === null || hasReader ? null : [...effect.columns]
        this.#statements.push(summary)
        return job
      }
    }
    this.#statements.push(summary)
    return undefined
  }
}

/** Resolves when the job has finished. @throws APPLICATION_JOB_FAILED with the failure as its cause, APPLICATION_CANCELED */
export async function jobFinished(job: JobMaster): Promise<void> {
  const { state, failure } = await job.result
  if (state === 'FINISHED') return
  if (state === 'CANCELED') throw new ApplicationCanceled({ what: `Job '${job.jobGraph.name}' (${job.jobId})` })
  throw new JobFailed(
    {
      job: job.jobGraph.name,
      jobId: job.jobId,
      task: failure?.taskName ?? null,
      endpoint: failure?.endpoint ?? null,
      worker: failure?.resourceId ?? null,
    },
    failure === undefined ? undefined : { cause: failure.error },
  )
}
