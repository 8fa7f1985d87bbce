/** Beside the JobMaster: what a connector does there once for all subtasks. */
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { CoordinatorContext, SinkCommitter, SplitEnumerator } from './connector.js'
import { connectorEntry } from './registry.js'

/** Undefined: the connector's readers need no splits. @throws TABLE_CONNECTOR_UNKNOWN */
export async function loadEnumerator(spec: SpecOf<'source'>, context: CoordinatorContext): Promise<SplitEnumerator | undefined> {
  return (await connectorEntry(spec.connector).enumerator?.())?.createEnumerator(spec, context)
}

/** Undefined: there is nothing to commit. @throws TABLE_CONNECTOR_UNKNOWN */
export async function loadCommitter(spec: SpecOf<'sink'>, context: CoordinatorContext): Promise<SinkCommitter | undefined> {
  return (await connectorEntry(spec.connector).committer?.())?.createCommitter(spec, context)
}
