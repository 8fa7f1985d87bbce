/**
 * Interval join: pairs of elements of one key whose timestamps differ by no more than the bounds say.
 *
 * In:    two keyed inputs with timestamps.   Out: what the function collects, with the later timestamp of the pair.
 * State: elements of both sides by timestamp, until the watermark says that nothing can meet them; a timer per timestamp.
 * Time:  elements behind the watermark are late: to the late output, or dropped and counted.
 * @throws FUNCTION_FAILED, ELEMENT_WITHOUT_TIMESTAMP
 * Source: Flink's IntervalJoinOperator.
 */
import type { FunctionDefinition, FunctionKind } from './definition.js'
import { NoTimestamp } from './errors.js'
import type { OutputTag, ProcessJoinContext } from './functions.js'
import { KeyedOperator, type KeyedSurroundings } from './keyed-operator.js'
import { MapHandle } from './state-handles.js'
import { NO_WATERMARK } from '../operator.js'

type Definition = FunctionDefinition & Extract<FunctionKind, { kind: 'interval-join' }>

/** Timers of a side are apart from the other's by these windows. */
const LEFT = 1
const RIGHT = 2

export function createIntervalJoin(definition: Definition): KeyedOperator {
  return new KeyedOperator(definition, definition.function, ['processElement', 'processElement'], (surroundings) => {
    const join = new IntervalJoin(definition, surroundings)
    return {
      elements: [(value) => join.element(value, true), (value) => join.element(value, false)],
      timer: (time) => join.cleanUp(time),
    }
  })
}

class IntervalJoin {
  readonly #definition: Definition
  readonly #at: KeyedSurroundings
  readonly #left: MapHandle
  readonly #right: MapHandle
  /** Both inclusive. */
  readonly #lower: number
  readonly #upper: number
  #leftTimestamp = 0
  #rightTimestamp = 0
  readonly #context: ProcessJoinContext

  constructor(definition: Definition, surroundings: KeyedSurroundings) {
    this.#definition = definition
    this.#at = surroundings
    this.#lower = definition.lower + (definition.lowerExclusive ? 1 : 0)
    this.#upper = definition.upper - (definition.upperExclusive ? 1 : 0)
    this.#left = new MapHandle(surroundings.services.state, { name: '$left' }, false)
    this.#right = new MapHandle(surroundings.services.state, { name: '$right' }, false)
    this.#context = {
      getLeftTimestamp: () => this.#leftTimestamp,
      getRightTimestamp: () => this.#rightTimestamp,
      getTimestamp: () => Math.max(this.#leftTimestamp, this.#rightTimestamp),
      output: (tag, value) => surroundings.out.side(tag, value),
    }
  }

  element(value: unknown, isLeft: boolean): void {
    const { out, services, context } = this.#at
    const { timestamp } = out
    if (timestamp !== timestamp) throw new NoTimestamp({ operator: context.operatorName, what: 'An interval join' })
    if (services.watermark !== NO_WATERMARK && timestamp < services.watermark) return this.#late(value, isLeft)
    const own = isLeft ? this.#left : this.#right
    const other = isLeft ? this.#right : this.#left
    own.put(timestamp, [...((own.get(timestamp) as unknown[] | undefined) ?? []), value])
    // What the other side's timestamp may be.
    const lowest = timestamp + (isLeft ? this.#lower : -this.#upper)
    const highest = timestamp + (isLeft ? this.#upper : -this.#lower)
    for (const otherTimestamp of other.keys() as number[]) {
      if (otherTimestamp < lowest || otherTimestamp > highest) continue
      for (const element of other.get(otherTimestamp) as unknown[]) {
        if (isLeft) this.#pair(value, element, timestamp, otherTimestamp)
        else this.#pair(element, value, otherTimestamp, timestamp)
      }
    }
    out.timestamp = timestamp
    const { state } = services
    const side = isLeft ? LEFT : RIGHT
    state.useWindow(side, side)
    services.register('event', Math.max(highest, timestamp))
    state.useWindow(0, 0)
  }

  /** Takes away the elements whose timer this is: nothing can meet them any more. */
  cleanUp(time: number): void {
    const { state } = this.#at.services
    const isLeft = state.start === LEFT
    const reach = isLeft ? this.#upper : -this.#lower
    const handle = isLeft ? this.#left : this.#right
    handle.remove(reach > 0 ? time - reach : time)
  }

  #pair(left: unknown, right: unknown, leftTimestamp: number, rightTimestamp: number): void {
    this.#leftTimestamp = leftTimestamp
    this.#rightTimestamp = rightTimestamp
    this.#at.out.timestamp = Math.max(leftTimestamp, rightTimestamp)
    this.#definition.function.processElement(left, right, this.#context, this.#at.out)
  }

  #late(value: unknown, isLeft: boolean): void {
    const { left, right } = this.#definition.lateOutputs
    const tag: OutputTag<unknown> | undefined = isLeft ? left : right
    if (tag === undefined) this.#at.context.countLate(1)
    else this.#at.out.side(tag, value)
  }
}
