/** A session of a SQL gateway as its client: statements, pages of rows, settings, completion. Flink's REST API, version 2 or later. */
import * as z from '#core/zod.js'
import type { CollectedRow } from '#core/rpc/operator-events.js'
import { sleep, type Environment, type Millis } from '#core/time/environment.js'

/** The answer's body. @throws SQL_CLIENT_STATEMENT_FAILED or the statement's own error, SQL_CLIENT_GATEWAY_UNREACHABLE */
export type GatewayCall = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown) => Promise<unknown>

const Versions = z.object({ versions: z.array(z.string()) })
const Opened = z.object({ sessionHandle: z.string() })
const Submitted = z.object({ operationHandle: z.string() })
const Properties = z.object({ properties: z.record(z.string(), z.string()) })
const Candidates = z.object({ candidates: z.array(z.string()) })
const KINDS = ['INSERT', 'UPDATE_BEFORE', 'UPDATE_AFTER', 'DELETE'] as const
const ColumnSchema = z.object({
  name: z.string(),
  logicalType: z.object({ type: z.string(), length: z.number().nullish(), precision: z.number().nullish() }),
})
const PageSchema = z.object({
  resultType: z.enum(['NOT_READY', 'PAYLOAD', 'EOS']),
  isQueryResult: z.boolean().nullish(),
  jobID: z.string().nullish(),
  resultKind: z.string().nullish(),
  results: z
    .object({
      columns: z.array(ColumnSchema),
      data: z.array(z.object({ kind: z.enum(KINDS), fields: z.array(z.string().nullable()) })),
    })
    .nullish(),
  nextResultUri: z.string().nullish(),
})

export type ClientColumn = z.infer<typeof ColumnSchema>

export interface ResultPage {
  readonly columns: readonly ClientColumn[]
  /** A SELECT, whose rows come as changes. */
  readonly isQuery: boolean
  readonly jobId: string | undefined
  /** Nothing but that it worked. */
  readonly isPlainSuccess: boolean
  readonly rows: readonly CollectedRow[]
}

const OLDEST_VERSION = 2
const NEWEST_VERSION = 4
const HEARTBEAT_MS: Millis = 60_000
const FIRST_PAUSE_MS: Millis = 5
const MAX_PAUSE_MS: Millis = 100

export class GatewayClient {
  readonly #call: GatewayCall
  readonly #environment: Environment
  readonly #path: string
  #closed = false

  private constructor(call: GatewayCall, environment: Environment, path: string) {
    this.#call = call
    this.#environment = environment
    this.#path = path
    this.#beat()
  }

  /** `properties`: the session's settings on top of the gateway's. */
  static async open(call: GatewayCall, environment: Environment, properties: Readonly<Record<string, string>>): Promise<GatewayClient> {
    const { versions } = Versions.parse(await call('GET', '/v1/api_versions'))
    const numbers = versions.map((version) => Number(version.replace(/^V/i, '')))
    const version = Math.max(...numbers.filter((number) => number >= OLDEST_VERSION && number <= NEWEST_VERSION), OLDEST_VERSION)
    const { sessionHandle } = Opened.parse(await call('POST', `/v${version}/sessions`, { sessionName: 'default', properties }))
    return new GatewayClient(call, environment, `/v${version}/sessions/${encodeURIComponent(sessionHandle)}`)
  }

  async submit(statement: string): Promise<RunningStatement> {
    const body = { statement, executionTimeout: 0 }
    const { operationHandle } = Submitted.parse(await this.#call('POST', `${this.#path}/statements`, body))
    return new RunningStatement(this.#call, this.#environment, `${this.#path}/operations/${encodeURIComponent(operationHandle)}`)
  }

  async settings(): Promise<Readonly<Record<string, string>>> {
    return Properties.parse(await this.#call('GET', this.#path)).properties
  }

  /** `position` in UTF-16 units from 0. */
  async complete(statement: string, position: number): Promise<readonly string[]> {
    return Candidates.parse(await this.#call('GET', `${this.#path}/complete-statement`, { statement, position })).candidates
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#call('DELETE', this.#path)
  }

  #beat(): void {
    this.#environment.timers.after(
      HEARTBEAT_MS,
      () => {
        if (this.#closed) return
        // One that fails is told by the next statement.
        this.#call('POST', `${this.#path}/heartbeat`, {}).catch(() => undefined)
        this.#beat()
      },
      true,
    )
  }
}

export class RunningStatement {
  readonly #call: GatewayCall
  readonly #environment: Environment
  readonly #path: string
  #over = false

  constructor(call: GatewayCall, environment: Environment, path: string) {
    this.#call = call
    this.#environment = environment
    this.#path = path
  }

  /** Its pages, empty ones too, until there are no more or `signal` is given: then it is cancelled. @throws what it failed with */
  async *pages(signal: AbortSignal): AsyncGenerator<ResultPage, void> {
    const aborted = new Promise<'aborted'>((resolve) => {
      if (signal.aborted) resolve('aborted')
      else signal.addEventListener('abort', () => resolve('aborted'), { once: true })
    })
    try {
      let path = `${this.#path}/result/0?rowFormat=PLAIN_TEXT`
      for (let pause = FIRST_PAUSE_MS; ;) {
        const asked = this.#call('GET', path)
        // What is still under way when the user gives up fails unheard.
        asked.catch(() => undefined)
        const answer = await Promise.race([asked, aborted])
        if (answer === 'aborted') return
        const page = PageSchema.parse(answer)
        const { results, nextResultUri: next } = page
        if (page.resultType !== 'NOT_READY' && results !== null && results !== undefined)
          yield {
            columns: results.columns,
            isQuery: page.isQueryResult === true,
            jobId: page.jobID ?? undefined,
            isPlainSuccess: page.resultKind === 'SUCCESS',
            rows: results.data.map(({ kind, fields }) => ({ kind: KINDS.indexOf(kind), cells: fields })),
          }
        if (signal.aborted) return
        if (page.resultType === 'EOS' || next === null || next === undefined) {
          this.#over = true
          return
        }
        path = next
        pause = results !== null && results !== undefined && results.data.length > 0 ? FIRST_PAUSE_MS : Math.min(pause * 2, MAX_PAUSE_MS)
        if (pause > FIRST_PAUSE_MS) await sleep(this.#environment, pause)
      }
    } finally {
      await this.#end()
    }
  }

  async #end(): Promise<void> {
    // It may have ended this moment.
    if (!this.#over) await this.#call('POST', `${this.#path}/cancel`, {}).catch(() => undefined)
    await this.#call('DELETE', `${this.#path}/close`).catch(() => undefined)
  }
}
