/** A statement under way: its status and its result, page by page. A client may ask for the page it had last once more. */
import { sleep, type Environment, type Millis } from '#core/time/environment.js'
import { refused } from './errors.js'
import { pageBody, type ResultDescription, type ResultRow, type RowFormat } from './result-page.js'

export type OperationStatus = 'INITIALIZED' | 'PENDING' | 'RUNNING' | 'FINISHED' | 'CANCELED' | 'CLOSED' | 'ERROR' | 'TIMEOUT'

/** Where a result's rows come from. */
export interface RowSource {
  /** Empty: nothing yet; undefined: there is no more. */
  next(): Promise<readonly ResultRow[] | undefined>
  keepAlive(): Promise<void>
  leave(): Promise<void>
}

export interface Result {
  readonly description: ResultDescription
  readonly rows: RowSource
}

/** Rows that are there already. */
export function knownRows(rows: readonly ResultRow[]): RowSource {
  let given = false
  return {
    next: () => {
      const answer = given ? undefined : rows
      given = true
      return Promise.resolve(answer)
    },
    keepAlive: () => Promise.resolve(),
    leave: () => Promise.resolve(),
  }
}

/** A request for the first page waits so long for the statement before the answer is NOT_READY. */
const PATIENCE_MS: Millis = 100

interface Page {
  readonly token: number
  readonly rows: readonly ResultRow[]
  readonly last: boolean
}

export class Operation {
  readonly id: string
  readonly #environment: Environment
  readonly #done: Promise<void>
  #status: OperationStatus = 'PENDING'
  #result: Result | undefined
  #failure: unknown
  #page: Page | undefined
  /** Pages are made one after the other. */
  #reading: Promise<unknown> = Promise.resolve()

  /** `run` is called when it is the operation's turn. */
  constructor(id: string, environment: Environment, turn: Promise<void>, timeoutMs: Millis, run: () => Promise<Result>) {
    this.id = id
    this.#environment = environment
    this.#done = this.#run(turn, run)
    if (timeoutMs > 0)
      environment.timers.after(timeoutMs, () => this.#end('TIMEOUT', `The statement took more than ${timeoutMs} ms (executionTimeout)`))
  }

  get status(): OperationStatus {
    return this.#status
  }

  /** Resolves when the statement has been executed, well or not; rows of a query may still come. */
  get done(): Promise<void> {
    return this.#done
  }

  get over(): boolean {
    return this.#status !== 'INITIALIZED' && this.#status !== 'PENDING' && this.#status !== 'RUNNING'
  }

  async #run(turn: Promise<void>, run: () => Promise<Result>): Promise<void> {
    await turn
    if (this.#status !== 'PENDING') return
    this.#status = 'RUNNING'
    try {
      const result = await run()
      // Cancelled meanwhile: nobody will read it.
      if (this.over) return await result.rows.leave()
      this.#result = result
      this.#status = 'FINISHED'
    } catch (error) {
      if (this.over) return
      this.#failure = error
      this.#status = 'ERROR'
    }
  }

  /**
   * The body of page `token`, or NOT_READY. `uri` gives a page's address.
   * @throws what the statement failed with; GATEWAY_REFUSED for a token that is neither the last nor the next
   */
  async page(token: number, format: RowFormat, uri: (token: number) => string): Promise<string> {
    if (!this.over) await Promise.race([this.#done, sleep(this.#environment, PATIENCE_MS)])
    if (!this.over) return JSON.stringify({ resultType: 'NOT_READY', nextResultUri: uri(token) })
    if (this.#failure !== undefined) throw this.#failure
    const result = this.#result
    if (result === undefined)
      throw refused(
        'org.apache.flink.table.gateway.api.utils.SqlGatewayException',
        `The operation ${this.id} is ${this.#status}: it has no result.`,
      )
    const page = await this.#read(token, result)
    return pageBody(result.description, page.rows, format, page.last ? undefined : uri(token + 1))
  }

  #read(token: number, result: Result): Promise<Page> {
    const read = this.#reading.then(async (): Promise<Page> => {
      const last = this.#page
      if (last?.token === token) return last
      const next = last === undefined ? 0 : last.token + 1
      if (token !== next || last?.last === true) {
        const allowed = last === undefined ? 'token 0' : last.last ? `token ${last.token}` : `token ${last.token} or ${next}`
        throw refused(
          'org.apache.flink.table.gateway.api.utils.SqlGatewayException',
          `There is no page for token ${token} now: ask for ${allowed}.`,
        )
      }
      try {
        const rows = await result.rows.next()
        this.#page = { token, rows: rows ?? [], last: rows === undefined }
      } catch (error) {
        this.#failure = error
        this.#status = 'ERROR'
        throw error
      }
      return this.#page
    })
    this.#reading = read.catch(() => undefined)
    return read
  }

  /** @throws GATEWAY_REFUSED when it is over already */
  async cancel(): Promise<void> {
    if (this.#status === 'CANCELED') return
    const running = !this.over || (this.#status === 'FINISHED' && this.#page?.last !== true && this.#result?.description.isQuery === true)
    if (!running)
      throw refused(
        'org.apache.flink.table.gateway.api.utils.SqlGatewayException',
        `Failed to convert the Operation Status from ${this.#status} to CANCELED for ${this.id}.`,
      )
    await this.#end('CANCELED', 'The statement was cancelled')
  }

  /** It and what it runs for its client ends. */
  async close(): Promise<void> {
    await this.#end('CLOSED', 'The operation was closed')
  }

  async #end(status: OperationStatus, why: string): Promise<void> {
    if (status === 'TIMEOUT' && this.over) return
    this.#status = status
    this.#failure ??= refused('org.apache.flink.table.gateway.api.utils.SqlGatewayException', `${why}.`)
    await this.#result?.rows.leave()
  }

  async keepAlive(): Promise<void> {
    if (this.#status === 'FINISHED') await this.#result?.rows.keepAlive()
  }
}
