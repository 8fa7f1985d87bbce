import { Configuration } from '#core/config/configuration.js'
import { JobGraphSchema, type JobGraph } from '#core/graph/job-graph.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { compileScript } from '#sql/session/compile-script.js'
import { describeJobGraph } from '#sql/translate/describe-job-graph.js'
import { schemaToString } from '#core/types/schema.js'
import { goldenTests } from '../golden.js'
import { TABLES } from '../tables.js'

/** Job graphs of a script's last statements, as text: vertices, chains, edges; then the columns that arrive at the end. */
function plans(sql: string): string {
  const configuration = Configuration.of({ 'parallelism.default': '2', 'table.local-time-zone': 'UTC' })
  const { statements } = compileScript({ text: TABLES + sql, name: '', configuration, environment: virtualEnvironment() })
  return statements.flatMap(({ effect }) => (effect.kind === 'job' ? [describe(effect.jobGraph)] : [])).join('\n\n')
}

function describe(graph: JobGraph): string {
  const sent = JobGraphSchema.parse(JSON.parse(JSON.stringify(graph))) as JobGraph
  const last = sent.vertices.at(-1)?.operators.at(-1)
  return `${sent.jobType} ${sent.name}\n${describeJobGraph(sent)}\n${last === undefined ? '' : schemaToString(last.outputSchema)}`
}

goldenTests('plans.txt', 40, plans)
