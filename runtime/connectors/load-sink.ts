/** In a task: the running sink of a spec, its connector's code loaded on demand. */
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { Operator } from '../operators/operator.js'
import { ConnectorCannot } from './errors.js'
import { enforceConstraints } from './constraint-enforcer.js'
import { connectorEntry } from './registry.js'

/** @throws TABLE_CONNECTOR_UNKNOWN, TABLE_CONNECTOR_UNSUITABLE */
export async function loadSink(spec: SpecOf<'sink'> | SpecOf<'collect'>): Promise<Operator> {
  if (spec.op === 'collect') {
    const { CollectOperator } = await import('./collect/sink.js')
    return new CollectOperator(spec.schema)
  }
  const module = await connectorEntry(spec.connector).sink?.()
  if (module === undefined) throw new ConnectorCannot({ connector: spec.connector, use: 'sink' })
  return enforceConstraints(spec, await module.createSink(spec))
}
