/** Bound queries to a job graph: mode, checks, optimisation, operators, chains. */
import type { Configuration } from '#core/config/configuration.js'
import { JOB_NAME, OPERATOR_CHAINING, RUNTIME_MODE } from '#core/config/options/execution.js'
import { LOCAL_TIME_ZONE, NON_TEMPORAL_SORT } from '#core/config/options/sql.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { JobId } from '#core/ids/ids.js'
import { withNullable } from '#core/types/logical-type.js'
import type { Clock } from '#core/time/environment.js'
import type { Position, SourceText } from '../parser/source-text.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import { isBounded, planProblem, type RuntimeMode } from '../plan/changelog.js'
import { optimize } from '../plan/optimize.js'
import { withoutProcessingTimeOrder } from '../plan/processing-time.js'
import type { Relation, Root } from '../plan/relation.js'
import { removeWatermarks } from '../plan/remove-watermarks.js'
import { chainOperators } from '../translate/chain-operators.js'
import { PlanTranslator } from '../translate/translate-plan.js'

/** A bound INSERT or SELECT and where it stands, for what is found wrong with its plan. */
export interface BoundStatement {
  readonly root: Root
  readonly at: Position
}

export interface JobSettings {
  readonly configuration: Configuration
  readonly timeZone: string
  readonly clock: Clock
  readonly source: SourceText
}

export interface JobPlan {
  readonly mode: RuntimeMode
  readonly roots: readonly Root[]
}

/** The optimised plans of one job. @throws SQL_VALIDATION, SQL_NOT_SUPPORTED */
export function planJob(given: readonly BoundStatement[], settings: JobSettings): JobPlan {
  const { source } = settings
  const statements = oneSinkPerTable(given)
  const mode = runtimeModeOf(statements, settings.configuration)
  const bound = statements.map(({ root }) => ({
    ...root,
    input: mode === 'BATCH' ? removeWatermarks(root.input) : withoutProcessingTimeOrder(root.input),
  }))
  const placeOf = (root: Root): Position => (statements[bound.indexOf(root)] ?? (statements[0] as BoundStatement)).at
  const context = { timeZone: settings.timeZone, now: () => settings.clock.now(), clockStands: mode === 'BATCH' }
  const roots = optimize(bound, context, (root, text) => {
    throw notSupported(source, placeOf(root), text)
  })
  for (const [i, root] of roots.entries()) {
    const problem = planProblem(root, mode, settings.configuration.get(NON_TEMPORAL_SORT))
    if (problem !== undefined) throw validationError(source, (statements[i] as BoundStatement).at, problem, hintFor(problem))
  }
  return { mode, roots }
}

/** Several INSERTs of a job into one table are one sink over the union of their rows: two would get in each other's way. As in Flink. */
function oneSinkPerTable(statements: readonly BoundStatement[]): BoundStatement[] {
  const merged: { statement: BoundStatement; inputs: Relation[] }[] = []
  for (const statement of statements) {
    const { root } = statement
    const same = merged.find(
      ({ statement: { root: other } }) => root.kind === 'sink' && other.kind === 'sink' && other.table === root.table,
    )
    if (same === undefined) merged.push({ statement, inputs: [root.input] })
    else same.inputs.push(root.input)
  }
  return merged.map(({ statement, inputs }) => {
    if (inputs.length === 1) return statement
    const [first] = inputs as [Relation]
    const fields = first.fields.map((field, i) => ({
      ...field,
      rowtime: inputs.every((input) => input.fields[i]?.rowtime === true),
      type: withNullable(
        field.type,
        inputs.some((input) => input.fields[i]?.type.nullable === true),
      ),
    }))
    return { ...statement, root: { ...statement.root, input: { kind: 'union', inputs, fields } } }
  })
}

/** The mode that was chosen; AUTOMATIC: batch when all input is bounded. */
export function runtimeModeOf(statements: readonly BoundStatement[], configuration: Configuration): RuntimeMode {
  const chosen = configuration.get(RUNTIME_MODE)
  if (chosen !== 'AUTOMATIC') return chosen
  return statements.every(({ root }) => isBounded(root.input)) ? 'BATCH' : 'STREAMING'
}

function hintFor(problem: string): string | null {
  if (problem.startsWith('Sort on')) return "Add LIMIT, or SET 'execution.runtime-mode' = 'BATCH' for bounded input."
  if (problem.startsWith('Querying an unbounded')) return "SET 'execution.runtime-mode' = 'STREAMING', or bound the source."
  if (problem.startsWith('Table sink'))
    return "Use a sink that takes updates, aggregate in windows, or SET 'execution.runtime-mode' = 'BATCH' for bounded input."
  return null
}

export function jobGraphOf(plan: JobPlan, jobId: JobId, name: string, settings: JobSettings): JobGraph {
  const { configuration } = settings
  const translator = new PlanTranslator(configuration, plan.mode)
  for (const root of plan.roots) translator.translateRoot(root)
  const header = {
    jobId,
    name: configuration.get(JOB_NAME) ?? name,
    jobType: plan.mode,
    // What was chosen here holds on every worker, whatever its own zone is.
    configuration: { ...configuration.toRecord(), [LOCAL_TIME_ZONE.key]: settings.timeZone },
  }
  return chainOperators(translator.plan.operators, header, configuration.get(OPERATOR_CHAINING))
}
