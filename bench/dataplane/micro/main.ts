/** Runs the micro cases, all in one process, so that code shared by them is as polymorphic as in a job server. */
import { measureMicro, type Figure } from '../measure.js'
import { columnarCases } from './columnar.js'
import { datagenCases } from './datagen.js'
import { exchangeCases, hopLatency } from './exchange.js'
import { formatCases } from './formats.js'
import { operatorCases } from './operators.js'

/** `wanted`: part of a case's key; undefined: all. */
export async function runMicro(wanted: string | undefined, tell: (figure: Figure) => void): Promise<void> {
  const cases = { ...operatorCases, ...columnarCases, ...formatCases, ...datagenCases, ...exchangeCases }
  for (const [key, make] of Object.entries(cases)) if (wanted === undefined || key.includes(wanted)) tell(await measureMicro(make))
  for (const way of ['thread', 'tcp'] as const)
    if (wanted === undefined || `hop-${way}`.includes(wanted)) for (const figure of await hopLatency(way)) tell(figure)
}
