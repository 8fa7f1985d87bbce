/**
 * Which subtasks of an edge are connected: Flink's distribution patterns as pure functions.
 *
 *   HASH, REBALANCE, BROADCAST,
 *   SHUFFLE, CUSTOM              every producer with every consumer; consumer i reads subpartition i
 *   GLOBAL                       likewise: all rows go to consumer 0, the others hear of time and of the end
 *   FORWARD                      producer i with consumer i (same parallelism)
 *   RESCALE                      neighbours: each side's larger number is spread evenly over the smaller one
 *
 * For FORWARD and RESCALE a producer numbers its consumers from 0.
 */
import { unreachable } from '#core/machine/step.js'
import type { Partitioner } from '#core/graph/job-graph.js'

/** Consumers of a producer, ascending; the position in the list is the number of the subpartition. */
export function consumersOf(kind: Partitioner['kind'], producer: number, producers: number, consumers: number): number[] {
  switch (kind) {
    case 'HASH':
    case 'REBALANCE':
    case 'BROADCAST':
    case 'SHUFFLE':
    case 'CUSTOM':
    case 'GLOBAL':
      return range(0, consumers)
    case 'FORWARD':
      return producer < consumers ? [producer] : []
    case 'RESCALE':
      return producers <= consumers
        ? range(share(producer, consumers, producers), share(producer + 1, consumers, producers))
        : [Math.floor((producer * consumers) / producers)]
    default:
      return unreachable(kind)
  }
}

/** Every producer has a channel to every consumer. */
export function isAllToAll(kind: Partitioner['kind']): boolean {
  return kind !== 'FORWARD' && kind !== 'RESCALE'
}

export interface ProducerChannel {
  readonly producer: number
  readonly subpartition: number
}

/** What a consumer reads, in order of producers. */
export function channelsOf(kind: Partitioner['kind'], consumer: number, producers: number, consumers: number): ProducerChannel[] {
  if (isAllToAll(kind)) return range(0, producers).map((producer) => ({ producer, subpartition: consumer }))
  if (kind === 'FORWARD') return consumer < producers ? [{ producer: consumer, subpartition: 0 }] : []
  if (producers > consumers) {
    const own = range(share(consumer, producers, consumers), share(consumer + 1, producers, consumers))
    return own.map((producer) => ({ producer, subpartition: 0 }))
  }
  const producer = Math.floor((consumer * producers) / consumers)
  return [{ producer, subpartition: consumer - share(producer, consumers, producers) }]
}

/** Of `many` spread over `few`: the first that belongs to `index`. */
function share(index: number, many: number, few: number): number {
  return Math.ceil((index * many) / few)
}

/** From `first` to before `end`. */
function range(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, index) => first + index)
}
