/**
 * A session: catalog, settings, a statement set under way. Takes one statement at a time and says what it does; it starts no job
 * itself.
 */
import { Configuration, UnknownOption } from '#core/config/configuration.js'
import { declaredOption } from '#core/config/option.js'
import { DML_SYNC } from '#core/config/options/sql.js'
import { newHexId, nthJobId, type JobId } from '#core/ids/ids.js'
import type { ResultSortKey } from '#core/rest/responses.js'
import type { LogicalType } from '#core/types/logical-type.js'
import type { Clock, RandomSource } from '#core/time/environment.js'
import { Catalog, fullName } from '../catalog/catalog.js'
import type { Query } from '../parser/ast-query.js'
import type { CreateTable, Explain, Insert, ScriptStatement, Select, Statement, StatementSet } from '../parser/ast-statement.js'
import type { SourceText } from '../parser/source-text.js'
import { located, validationError } from '../parser/sql-errors.js'
import type { Collect } from '../plan/relation.js'
import { bindInsert } from '../validate/bind-insert.js'
import { bindQuery } from '../validate/bind-query.js'
import type { FunctionModules } from '../validate/function-modules.js'
import { objectPath } from '../validate/table-names.js'
import type { BindContext } from '../validate/binder.js'
import { alterTable } from './alter-table.js'
import { alterView, createTable, createView, drop } from './catalog-statements.js'
import { explainedPlan } from '../translate/explained-plan.js'
import { explain } from './explain.js'
import { executeOther } from './other-statements.js'
import { jobGraphOf, planJob, runtimeModeOf, type BoundStatement, type JobSettings } from './plan-job.js'
import { orderedResult } from './result-order.js'
import { showCreate } from './show-create.js'
import { describe, describeNamed, show, showCurrent } from './show-statements.js'
import { sessionTimeZone } from './session-time-zone.js'
import type { StatementEffect } from './statement-effect.js'

export interface SessionOptions {
  readonly configuration: Configuration
  readonly random: RandomSource
  readonly clock: Clock
  /** Id of the first job; those after it follow from it, so that they are the same when the script runs again. Absent: drawn. */
  readonly jobId?: JobId | undefined
  /** Modules that CREATE FUNCTION may name; asked at each call. */
  readonly modules?: FunctionModules | undefined
}

/** Longest name of a job: that of a SELECT is its text. */
const MAX_JOB_NAME = 10_000

const OK: StatementEffect = { kind: 'none' }

interface BoundSelect extends BoundStatement {
  readonly root: Collect
}

export class SqlSession {
  readonly catalog = new Catalog()
  readonly #initial: Configuration
  readonly #clock: Clock
  readonly #modules: FunctionModules | undefined
  #configuration: Configuration
  readonly #firstJobId: JobId
  #jobs = 0
  /** INSERTs since BEGIN STATEMENT SET. */
  #pending: { readonly at: Statement['at']; readonly inserts: Insert[] } | undefined

  constructor(options: SessionOptions) {
    this.#initial = options.configuration
    this.#configuration = options.configuration
    this.#modules = options.modules
    this.#clock = options.clock
    this.#firstJobId = options.jobId ?? newHexId<JobId>(options.random)
  }

  get configuration(): Configuration {
    return this.#configuration
  }

  /**
   * `settings`: on top of the session's, for this statement alone.
   * @throws WeftErrors whose message ends in line, column, source line and caret
   */
  execute(
    { statement, start, end }: ScriptStatement,
    source: SourceText,
    settings: Readonly<Record<string, string>> = {},
  ): StatementEffect {
    const before = this.#configuration
    const lasting = statement.kind === 'set' || statement.kind === 'reset'
    try {
      if (!lasting) this.#configuration = before.with(settings)
      return this.#execute(statement, source, source.text.slice(start.offset, end))
    } catch (error) {
      throw located(source, start, error)
    } finally {
      if (!lasting) this.#configuration = before
    }
  }

  /** The script has ended. @throws SQL_VALIDATION when a statement set is still open */
  finish(source: SourceText): void {
    if (this.#pending !== undefined)
      throw validationError(source, this.#pending.at, 'BEGIN STATEMENT SET has no END.', "Add 'END;' behind the last INSERT.")
  }

  #execute(statement: Statement, source: SourceText, text: string): StatementEffect {
    if (this.#pending !== undefined && statement.kind !== 'insert' && statement.kind !== 'end-statement-set') {
      throw validationError(source, statement.at, 'Only INSERT statements are allowed between BEGIN STATEMENT SET and END.')
    }
    switch (statement.kind) {
      case 'create-table':
        if (statement.query !== null) return this.#createTableAs(statement, statement.query, source)
        createTable(statement, this.#bindContext(source))
        return OK
      case 'create-view':
        createView(statement, this.#bindContext(source))
        return OK
      case 'drop':
        drop(statement, this.#bindContext(source))
        return OK
      case 'alter-table':
        alterTable(statement, this.#bindContext(source))
        return OK
      case 'alter-view':
        alterView(statement, this.#bindContext(source))
        return OK
      case 'insert':
        if (this.#pending === undefined) return this.#insertJob([statement], source)
        // Bound at once, so that a mistake is reported where it stands; planned with the others at END.
        bindInsert(statement, this.#bindContext(source))
        this.#pending.inserts.push(statement)
        return { kind: 'message', text: '[INFO] Add SQL update statement to the statement set.' }
      case 'statement-set':
        return this.#insertJob(statement.inserts, source)
      case 'begin-statement-set':
        this.#pending = { at: statement.at, inserts: [] }
        return { kind: 'message', text: '[INFO] Begin a statement set.' }
      case 'end-statement-set': {
        const pending = this.#pending
        if (pending === undefined) throw validationError(source, statement.at, 'END without BEGIN STATEMENT SET.')
        this.#pending = undefined
        if (pending.inserts.length === 0) throw validationError(source, pending.at, 'The statement set holds no INSERT.')
        return this.#insertJob(pending.inserts, source)
      }
      case 'select-statement':
        return this.#selectJob(statement, source, text)
      case 'set':
        return this.#set(statement, source)
      case 'reset':
        this.#configuration = statement.key === null ? this.#initial : resetTo(this.#configuration, this.#initial, statement.key)
        return OK
      case 'show':
        return show(statement, this.#bindContext(source))
      case 'show-current':
        return showCurrent(statement, this.#bindContext(source))
      case 'show-create': {
        return { kind: 'rows', columns: ['result'], rows: [[showCreate(statement, this.#bindContext(source))]] }
      }
      case 'describe':
        return describe(statement, this.#bindContext(source))
      case 'describe-object':
        return describeNamed(statement, this.#bindContext(source))
      case 'explain':
        return { kind: 'message', text: this.#explain(statement, source) }
      default:
        executeOther(statement, this.#bindContext(source))
        return OK
    }
  }

  #insertJob(inserts: readonly Insert[], source: SourceText): StatementEffect {
    const settings = this.#settings(source)
    const plan = planJob(this.#bindInserts(inserts, source), settings)
    const name = `insert-into_${plan.roots.map((root) => (root.kind === 'sink' ? fullName(root.table) : '')).join(',')}`
    return {
      kind: 'job',
      jobGraph: jobGraphOf(plan, this.#nextJobId(), name, settings),
      columns: null,
      wait: this.#configuration.get(DML_SYNC),
    }
  }

  /** The table is there from now on, also should its job fail, as in Flink; a query that cannot be planned leaves no table. */
  #createTableAs(statement: CreateTable, query: Query, source: SourceText): StatementEffect {
    const context = this.#bindContext(source)
    const bound = bindQuery(query, context)
    const before = this.catalog.findExactly(objectPath(source, statement.name, this.catalog), false)
    const table = createTable(statement, context, bound)
    if (table === undefined) return OK
    const { at, name } = statement
    try {
      return this.#insertJob(
        [{ kind: 'insert', at, overwrite: false, table: name, partition: [], columns: null, query, onConflict: null }],
        source,
      )
    } catch (error) {
      this.catalog.remove(table, false)
      if (before !== undefined) this.catalog.put(before)
      throw error
    }
  }

  #selectJob(statement: Select, source: SourceText, text: string): StatementEffect {
    const settings = this.#settings(source)
    const { bound, columns, types, order } = this.#result(this.#bindSelect(statement, source))
    const plan = planJob([bound], settings)
    const jobGraph = jobGraphOf(plan, this.#nextJobId(), text.replace(/\s+/g, ' ').trim().slice(0, MAX_JOB_NAME), settings)
    return { kind: 'job', jobGraph, columns, types, wait: true, ...(order.length === 0 ? {} : { order }) }
  }

  /** A streaming SELECT brings what its rows are ordered by, since they come as changes; a batch one brings them in order. */
  #result({ root, at }: BoundSelect): { bound: BoundStatement; columns: string[]; types: LogicalType[]; order: readonly ResultSortKey[] } {
    const columns = root.input.fields.map(({ name }) => name)
    const types = root.input.fields.map(({ type }) => type)
    if (runtimeModeOf([{ root, at }], this.#configuration) === 'BATCH') return { bound: { root, at }, columns, types, order: [] }
    const ordered = orderedResult(root)
    return { bound: { root: ordered.root, at }, columns, types, order: ordered.order }
  }

  #explain({ statement, details }: Explain, source: SourceText): string {
    const settings = this.#settings(source)
    const bound =
      statement.kind === 'select-statement' ? [this.#bindSelect(statement, source)] : this.#bindInserts(insertsOf(statement), source)
    const plan = planJob(
      bound.map(({ root, at }) => (root.kind === 'collect' ? this.#result({ root, at }).bound : { root, at })),
      settings,
    )
    return explain(
      bound.map(({ root }) => root),
      plan,
      explainedPlan(plan.roots, settings.configuration, plan.mode),
      details,
    )
  }

  #bindInserts(inserts: readonly Insert[], source: SourceText): BoundStatement[] {
    return inserts.map((insert) => ({ root: bindInsert(insert, this.#bindContext(source)), at: insert.at }))
  }

  #bindSelect(statement: Select, source: SourceText): BoundSelect {
    return { root: { kind: 'collect', input: bindQuery(statement.query, this.#bindContext(source)) }, at: statement.at }
  }

  #set({ property }: Extract<Statement, { kind: 'set' }>, source: SourceText): StatementEffect {
    if (property === null) {
      return { kind: 'rows', columns: ['key', 'value'], rows: this.#configuration.toMaskedEntries().map(({ key, value }) => [key, value]) }
    }
    const { key, value, at } = property
    try {
      Configuration.of({ [key]: value }).validate('SET')
      const next = this.#configuration.with({ [key]: value })
      sessionTimeZone(next)
      this.#configuration = next
    } catch (error) {
      throw located(source, at, error)
    }
    return OK
  }

  #settings(source: SourceText): JobSettings {
    return { configuration: this.#configuration, timeZone: sessionTimeZone(this.#configuration), clock: this.#clock, source }
  }

  #bindContext(source: SourceText): BindContext {
    return {
      catalog: this.catalog,
      configuration: this.#configuration,
      timeZone: sessionTimeZone(this.#configuration),
      source,
      ctes: new Map(),
      views: [],
      modules: this.#modules,
    }
  }

  #nextJobId(): JobId {
    return nthJobId(this.#firstJobId, this.#jobs++)
  }
}

function insertsOf(statement: Insert | StatementSet): readonly Insert[] {
  return statement.kind === 'insert' ? [statement] : statement.inserts
}

/** The key as it was when the session began. @throws CONFIG_UNKNOWN_OPTION */
function resetTo(configuration: Configuration, initial: Configuration, key: string): Configuration {
  const values = initial.toRecord()
  const known =
    key in values ||
    key in configuration.toRecord() ||
    declaredOption(key) !== undefined ||
    Configuration.of({ [key]: '' }).inertKeys().length > 0
  // Keys of Flink's own making, which its clients reset.
  if (!known && !key.startsWith('$internal.')) {
    throw new UnknownOption({ key, source: 'RESET', nearest: null })
  }
  const before = values[key]
  return before === undefined ? configuration.without(key) : configuration.with({ [key]: before })
}
