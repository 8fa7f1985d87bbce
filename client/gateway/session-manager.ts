/** The gateway's sessions: opened, found, closed, and swept when nobody asks for them. */
import type { Configuration } from '#core/config/configuration.js'
import { GATEWAY_CHECK_INTERVAL, GATEWAY_IDLE_TIMEOUT, GATEWAY_MAX_SESSIONS } from '#core/config/options/sql-gateway.js'
import { refused } from './errors.js'
import type { Cluster } from './execute-statement.js'
import { GatewaySession } from './gateway-session.js'

const SESSION_EXCEPTION = 'org.apache.flink.table.gateway.api.utils.SqlGatewayException'
/** Queries whose clients read slowly are kept alive that often. */
const KEEP_ALIVE_MS = 20_000

export class SessionManager {
  readonly #cluster: Cluster
  readonly #configuration: Configuration
  readonly #sessions = new Map<string, GatewaySession>()
  #closed = false

  constructor(cluster: Cluster, configuration: Configuration) {
    this.#cluster = cluster
    this.#configuration = configuration
    this.#every(configuration.get(GATEWAY_CHECK_INTERVAL), () => this.#sweep())
    this.#every(KEEP_ALIVE_MS, () => this.#keepAlive())
  }

  /** @throws GATEWAY_REFUSED when there are too many, CONFIG_INVALID_VALUE */
  open(properties: Readonly<Record<string, string>>): GatewaySession {
    const most = this.#configuration.get(GATEWAY_MAX_SESSIONS)
    if (this.#sessions.size >= most)
      throw refused(SESSION_EXCEPTION, `Failed to create session, the count of active sessions exceeds the max count: ${most}`)
    const session = new GatewaySession(this.#cluster, this.#configuration, properties)
    this.#sessions.set(session.id, session)
    return session
  }

  /** Being asked for keeps it open. @throws GATEWAY_REFUSED when there is none of that id */
  session(id: string): GatewaySession {
    const session = this.#sessions.get(id)
    if (session === undefined) throw refused(SESSION_EXCEPTION, `Session '${id}' does not exist`)
    session.touch()
    return session
  }

  async close(id: string): Promise<void> {
    const session = this.session(id)
    this.#sessions.delete(id)
    await session.close()
  }

  async closeAll(): Promise<void> {
    this.#closed = true
    const sessions = [...this.#sessions.values()]
    this.#sessions.clear()
    await Promise.allSettled(sessions.map((session) => session.close()))
  }

  async #sweep(): Promise<void> {
    const timeout = this.#configuration.get(GATEWAY_IDLE_TIMEOUT)
    if (timeout <= 0) return
    for (const session of [...this.#sessions.values()]) {
      if (session.idleMs < timeout) continue
      this.#sessions.delete(session.id)
      await session.close()
    }
  }

  async #keepAlive(): Promise<void> {
    for (const session of [...this.#sessions.values()]) await session.keepAlive()
  }

  /** Failures are the next turn's to repeat. */
  #every(intervalMs: number, action: () => Promise<void>): void {
    if (intervalMs <= 0) return
    const turn = (): void => {
      if (this.#closed) return
      action()
        .catch(() => undefined)
        .finally(() => this.#cluster.environment.timers.after(intervalMs, turn, true))
    }
    this.#cluster.environment.timers.after(intervalMs, turn, true)
  }
}
