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
      return range(consumers)
    case 'FORWARD':
      return producer < consumers ? [producer] : []
    case 'RESCALE':
      return range(consumers).filter((consumer) =>
        producers <= consumers
          ? Math.floor((consumer * producers) / consumers) === producer
          : Math.floor((producer * consumers) / producers) === consumer,
      )
    default:
      return unreachable(kind)
  }
}

export interface ProducerChannel {
  readonly producer: number
  readonly subpartition: number
}

/** What a consumer reads, in order of producers. */
export function channelsOf(kind: Partitioner['kind'], consumer: number, producers: number, consumers: number): ProducerChannel[] {
  const channels: ProducerChannel[] = []
  for (let producer = 0; producer < producers; producer++) {
    const subpartition = consumersOf(kind, producer, producers, consumers).indexOf(consumer)
    if (subpartition >= 0) channels.push({ producer, subpartition })
  }
  return channels
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index)
}
