/** The rows of a job's result, fetched in portions until there are no more. */
import type { CollectedRow } from '../rpc/operator-events.js'
import { sleep, type Environment, type Millis } from '../time/environment.js'

export interface FetchedRows {
  readonly rows: readonly CollectedRow[]
  /** The token of the next portion. */
  readonly next: number
  readonly end: boolean
}

/** `fetch`: from that token on. Without new rows it is asked again after `pollMs`. */
export async function* collectedRows(
  fetch: (token: number) => FetchedRows | Promise<FetchedRows>,
  environment: Environment,
  pollMs: Millis,
): AsyncGenerator<CollectedRow> {
  for (let token = 0; ;) {
    const { rows, next, end } = await fetch(token)
    yield* rows
    if (end) return
    token = next
    if (rows.length === 0) await sleep(environment, pollMs)
  }
}
