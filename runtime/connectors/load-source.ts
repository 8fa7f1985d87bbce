/** In a task: the running source of a spec, its connector's code loaded on demand. */
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { SourceOperator } from '../operators/operator.js'
import { ConnectorCannot } from './errors.js'
import { connectorEntry } from './registry.js'

/** @throws TABLE_CONNECTOR_UNKNOWN, TABLE_CONNECTOR_UNSUITABLE */
export async function loadSource(spec: SpecOf<'source'>): Promise<SourceOperator> {
  const module = await connectorEntry(spec.connector).source?.()
  if (module === undefined) throw new ConnectorCannot({ connector: spec.connector, use: 'source' })
  return module.createSource(spec)
}
