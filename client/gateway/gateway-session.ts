/** A client's session: catalog and settings (SqlSession), its operations, one statement after the other. */
import { randomUUID } from 'node:crypto'
import { Configuration } from '#core/config/configuration.js'
import type { Millis } from '#core/time/environment.js'
import { SqlSession } from '#sql/session/sql-session.js'
import { loadFunctionModules, type LoadedModule } from '#sql/validate/function-modules.js'
import { executeStatement, parseOne, type Cluster } from './execute-statement.js'
import { refused } from './errors.js'
import { Operation, type Result } from './operation.js'

const SERVICE_EXCEPTION = 'org.apache.flink.table.gateway.api.utils.SqlGatewayException'
/** Operations of a session that are not closed. */
const MAX_OPERATIONS = 10_000
/** Statements that configure-session takes. */
const CONFIGURING = /^(?:create|drop|alter|use|load|unload|jar|set|reset)(?:-|$)/

export class GatewaySession {
  readonly id: string = randomUUID()
  readonly #cluster: Cluster
  readonly #sql: SqlSession
  /** That CREATE FUNCTION statements have named, the last text of each. */
  readonly #modules = new Map<string, LoadedModule | { readonly problem: string }>()
  readonly #operations = new Map<string, Operation>()
  #lastAsked: Millis
  #turn: Promise<void> = Promise.resolve()

  /** `properties`: on top of the gateway's configuration; keys that are not known are a client's own. @throws CONFIG_INVALID_VALUE */
  constructor(cluster: Cluster, configuration: Configuration, properties: Readonly<Record<string, string>>) {
    const { environment } = cluster
    this.#cluster = cluster
    this.#lastAsked = environment.clock.monotonic()
    const merged = configuration.with(properties)
    for (const key of Object.keys(properties)) {
      const alone = Configuration.of({ [key]: properties[key] ?? '' })
      if (alone.isDeclared(key)) alone.validate('the properties of the session')
    }
    this.#sql = new SqlSession({ configuration: merged, random: environment.random, clock: environment.clock, modules: this.#modules })
  }

  get idleMs(): Millis {
    return this.#cluster.environment.clock.monotonic() - this.#lastAsked
  }

  touch(): void {
    this.#lastAsked = this.#cluster.environment.clock.monotonic()
  }

  /** Every setting as text, secrets masked. */
  properties(): Record<string, string> {
    return Object.fromEntries(this.#sql.configuration.toMaskedEntries().map(({ key, value }) => [key, value]))
  }

  get sql(): SqlSession {
    return this.#sql
  }

  /** Begins when those before it have ended. @throws GATEWAY_REFUSED when too many are open */
  submit(statement: string, settings: Readonly<Record<string, string>>, timeoutMs: Millis): Operation {
    return this.#add(timeoutMs, async () => {
      await this.#loadFunctions(statement)
      return executeStatement(statement, this.#sql, settings, this.#cluster)
    })
  }

  /** What a statement's CREATE FUNCTION names is there before it is executed; paths count from the gateway's directory. */
  async #loadFunctions(statement: string): Promise<void> {
    if (!/\bFUNCTION\b/i.test(statement)) return
    const { scriptFunctionFiles } = await import('../cli/function-bundles.js')
    const files = await scriptFunctionFiles(statement, process.cwd())
    for (const [path, module] of await loadFunctionModules(files)) this.#modules.set(path, module)
  }

  /** A statement that changes the session and starts no job; resolves when it has been executed. @throws the statement's errors */
  async configure(statement: string): Promise<void> {
    const { parsed } = parseOne(statement)
    if (!CONFIGURING.test(parsed.statement.kind) || (parsed.statement.kind === 'create-table' && parsed.statement.query !== null))
      throw refused(
        'java.lang.UnsupportedOperationException',
        `Unsupported statement for configuring session:${statement}\nThe configureSession API only supports to execute statement of type CREATE TABLE, DROP TABLE, ALTER TABLE, CREATE DATABASE, DROP DATABASE, ALTER DATABASE, CREATE FUNCTION, DROP FUNCTION, ALTER FUNCTION, CREATE CATALOG, DROP CATALOG, USE CATALOG, USE [CATALOG.]DATABASE, CREATE VIEW, DROP VIEW, LOAD MODULE, UNLOAD MODULE, USE MODULE, ADD JAR.`,
      )
    const operation = this.submit(statement, {}, 0)
    await operation.done
    try {
      await operation.page(0, 'JSON', () => '')
    } finally {
      await this.closeOperation(operation.id)
    }
  }

  #add(timeoutMs: Millis, run: () => Promise<Result>): Operation {
    if (this.#operations.size >= MAX_OPERATIONS)
      throw refused(SERVICE_EXCEPTION, `The session has ${MAX_OPERATIONS} operations open: close those that are done with.`)
    const operation = new Operation(randomUUID(), this.#cluster.environment, this.#turn, timeoutMs, run)
    this.#turn = operation.done
    this.#operations.set(operation.id, operation)
    return operation
  }

  /** @throws GATEWAY_REFUSED when there is none of that id */
  operation(id: string): Operation {
    const operation = this.#operations.get(id)
    if (operation !== undefined) return operation
    throw refused(SERVICE_EXCEPTION, `Can not find the submitted operation in the OperationManager with the ${id}`)
  }

  async closeOperation(id: string): Promise<void> {
    const operation = this.operation(id)
    this.#operations.delete(id)
    await operation.close()
  }

  async keepAlive(): Promise<void> {
    for (const operation of this.#operations.values()) await operation.keepAlive()
  }

  /** Its queries end, what INSERTs have started goes on. */
  async close(): Promise<void> {
    const operations = [...this.#operations.values()]
    this.#operations.clear()
    await Promise.allSettled(operations.map((operation) => operation.close()))
  }
}
