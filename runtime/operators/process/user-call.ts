/** What every operator around a function of the program does: say who failed, open and close the function. */
import { inspect } from 'node:util'
import { SHOW_FAILING_RECORD } from '#core/config/options/pipeline.js'
import { WeftError } from '#core/errors/define-error.js'
import type { OperatorContext } from '../operator.js'
import type { KeyedStateStore, RichFunction, RuntimeContext } from './functions.js'
import { describe, FunctionFailed, isPromiseLike, StateNotKeyed } from './errors.js'

/**
 * The error to fail the task with when `method` of the function threw. Errors with a code of ours say enough themselves. `element`: what it
 * was called with, shown when `pipeline.show-failing-record` is set.
 */
export function functionFailed(error: unknown, context: OperatorContext, method: string, element?: { readonly value: unknown }): Error {
  if (error instanceof WeftError) return error
  const problem = error instanceof Error ? `${error.name}: ${error.message}` : `threw ${describe(error)}`
  const { operatorName: operator, subtaskIndex, parallelism, configuration } = context
  const record = element !== undefined && configuration.get(SHOW_FAILING_RECORD) ? recordText(element.value) : null
  return new FunctionFailed(
    { operator, subtask: subtaskIndex + 1, parallelism, method, problem, place: placeOf(error), record },
    { cause: error },
  )
}

const SHOWN_FRAMES = 8
const SHOWN_RECORD_CHARACTERS = 2000

/** This room's own files, as they run and as source maps name them. */
const here = new URL('.', import.meta.url).href
const OWN_FRAMES = [here, here.replace('/dist/', '/')].flatMap((url) => [url, decodeURIComponent(url.replace(/^file:\/\//, ''))])

/** `\n    at …`: the frames of the stack that lie in the program, the innermost first. Source maps have made them the author's own. */
export function placeOf(error: unknown): string {
  const frames = error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : []
  const ours = frames.findIndex((line) => OWN_FRAMES.some((own) => line.includes(own)))
  return frames
    .slice(0, ours < 0 ? SHOWN_FRAMES : ours)
    .filter((line) => !/\bnode:|\(<anonymous>\)$/.test(line))
    .slice(0, SHOWN_FRAMES)
    .map((line) => `\n${line}`)
    .join('')
}

/** An element as one line, cut where it is long. */
function recordText(value: unknown): string {
  const text = inspect(value, { depth: 6, breakLength: Infinity, maxArrayLength: 100, maxStringLength: 1000 })
  return text.length <= SHOWN_RECORD_CHARACTERS ? text : `${text.slice(0, SHOWN_RECORD_CHARACTERS)}…`
}

/** Methods of functions are synchronous: a promise would be lost, and with it its failure. */
export function refusePromise(result: unknown, context: OperatorContext, method: string): void {
  if (!isPromiseLike(result)) return
  // Its failure, if any, is of no interest any more.
  ;(result as Promise<unknown>).then(undefined, () => undefined)
  throw functionFailed(new TypeError(`it returned ${describe(result)}`), context, method)
}

/** A function or a rich function: the method, bound; and the object with open and close. */
export function methodOf<F extends (...args: never[]) => unknown>(given: unknown, method: string): F {
  if (typeof given === 'function') return given as F
  const member = (given as Record<string, unknown> | null | undefined)?.[method]
  if (typeof member !== 'function') throw new TypeError(`expected a function or an object with a method ${method}, got ${describe(given)}`)
  return member.bind(given) as F
}

export async function openFunction(given: unknown, runtime: RuntimeContext, context: OperatorContext): Promise<void> {
  if (typeof given !== 'object' || given === null) return
  try {
    await (given as RichFunction).open?.(runtime)
  } catch (error) {
    throw functionFailed(error, context, 'open')
  }
}

export async function closeFunction(given: unknown, context: OperatorContext | undefined): Promise<void> {
  if (typeof given !== 'object' || given === null || context === undefined) return
  try {
    await (given as RichFunction).close?.()
  } catch (error) {
    throw functionFailed(error, context, 'close')
  }
}

/** `store`: keyed state, where the input is keyed. */
export function runtimeContext(
  context: OperatorContext,
  store?: KeyedStateStore & Pick<RuntimeContext, 'getReducingState' | 'getAggregatingState'>,
): RuntimeContext {
  const notKeyed = (descriptor: { readonly name: string }): never => {
    throw new StateNotKeyed({ operator: context.operatorName, state: `state '${descriptor.name}'` })
  }
  return {
    jobId: context.jobId,
    taskName: context.operatorName,
    subtaskIndex: context.subtaskIndex,
    parallelism: context.parallelism,
    maxParallelism: context.maxParallelism,
    attemptNumber: context.attemptNumber,
    getState: (descriptor) => store?.getState(descriptor) ?? notKeyed(descriptor),
    getListState: (descriptor) => store?.getListState(descriptor) ?? notKeyed(descriptor),
    getMapState: (descriptor) => store?.getMapState(descriptor) ?? notKeyed(descriptor),
    getReducingState: (descriptor) => store?.getReducingState(descriptor) ?? notKeyed(descriptor),
    getAggregatingState: (descriptor) => store?.getAggregatingState(descriptor) ?? notKeyed(descriptor),
    counter: (name) => context.counter(name),
  }
}
