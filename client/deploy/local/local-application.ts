/** An application on this machine, in threads (run-local.ts) or in processes (run-processes.ts), as the command sees it. */
import type { JsonTransport } from '../../cluster/master-client.js'

export interface LocalApplication {
  /** To the JobManager that is there at the time. */
  readonly transport: JsonTransport
  /** host:port of REST of the JobManager that is there now; never, where it listens nowhere (rest.bind-port in threads). */
  address(): Promise<string>
  /** How it ended; undefined while it runs, or is being started again. `failure`: lines for people. */
  ended(): { readonly succeeded: boolean; readonly failure: string } | undefined
  /** When nothing of it is left. */
  readonly over: Promise<void>
  /** Ends everything at once. */
  terminate(): void
}
