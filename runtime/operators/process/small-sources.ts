/**
 * Sources that need no enumerator: the elements of a collection, and the numbers of a range, of which each subtask takes a part.
 *
 * State: what is left, known to all subtasks (UNION), so that a rescaled range is dealt out anew.
 * Source: Flink's fromCollection, fromSequence (NumberSequenceSource).
 */
import type { OperatorSnapshot, RestoredState } from '../../state/snapshot.js'
import type { OperatorContext, Output, SourceOperator } from '../operator.js'
import type { FunctionDefinition, FunctionKind } from './definition.js'
import { ElementOutput } from './element-output.js'

const PER_POLL = 1024

/** [from, to), in what is left of a source. */
type Range = readonly [from: number, to: number]

/** Element i of `count` is made by `at`; parallel subtasks share the numbers between them. */
class RangeSource implements SourceOperator {
  readonly #definition: FunctionDefinition
  readonly #all: Range
  readonly #at: (i: number) => unknown
  #out!: ElementOutput
  #context!: OperatorContext
  #left: Range[] = []

  constructor(definition: FunctionDefinition, all: Range, at: (i: number) => unknown) {
    this.#definition = definition
    this.#all = all
    this.#at = at
  }

  open(context: OperatorContext, output: Output): void {
    this.#context = context
    this.#out = new ElementOutput(this.#definition, context.operatorName, output)
    this.#left = shareOf([this.#all], context.subtaskIndex, context.parallelism)
  }

  poll(): 'more' | 'end' {
    const [first] = this.#left
    if (first === undefined) return 'end'
    const [from, to] = first
    const end = Math.min(to, from + PER_POLL)
    for (let i = from; i < end; i++) this.#out.collect(this.#at(i))
    this.#out.flush()
    if (end < to) this.#left[0] = [end, to]
    else this.#left.shift()
    return this.#left.length > 0 ? 'more' : 'end'
  }

  /** One item at least, so that whoever restores knows that there was a checkpoint. */
  snapshotState(): OperatorSnapshot {
    const items = this.#left.length > 0 ? [...this.#left] : [[0, 0]]
    return { lists: { ranges: { mode: 'UNION', items } } }
  }

  restoreState(state: RestoredState): void {
    const ranges = (state.lists['ranges'] ?? []) as readonly Range[]
    if (ranges.length === 0) return
    const left = ranges.filter(([from, to]) => to > from).sort((a, b) => a[0] - b[0])
    this.#left = shareOf(left, this.#context.subtaskIndex, this.#context.parallelism)
  }
}

/** The part of all numbers that is the subtask's: parts differ by one at most, and lie one behind the other. */
export function shareOf(ranges: readonly Range[], subtask: number, parallelism: number): Range[] {
  const total = ranges.reduce((sum, [from, to]) => sum + (to - from), 0)
  let skip = Math.floor((total / parallelism) * subtask)
  let take = (subtask === parallelism - 1 ? total : Math.floor((total / parallelism) * (subtask + 1))) - skip
  const share: Range[] = []
  for (const [from, to] of ranges) {
    const start = from + Math.min(skip, to - from)
    skip -= start - from
    const end = Math.min(to, start + take)
    take -= end - start
    if (end > start) share.push([start, end])
  }
  return share
}

export function createCollectionSource(
  definition: FunctionDefinition & Extract<FunctionKind, { kind: 'collection-source' }>,
): SourceOperator {
  const { elements } = definition
  return new RangeSource(definition, [0, elements.length], (i) => elements[i])
}

export function createSequenceSource(definition: FunctionDefinition & Extract<FunctionKind, { kind: 'sequence-source' }>): SourceOperator {
  return new RangeSource(definition, [definition.from, definition.to + 1], (i) => i)
}
