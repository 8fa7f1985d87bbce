/** What windows do with their elements: reduce, aggregate, process, apply; coGroup and joins. */
import { CombinedState } from './combined-state.js'
import type { FunctionDefinition, FunctionKind, WindowDefinition } from './definition.js'
import type * as F from './functions.js'
import { methodOf } from './user-call.js'
import { CombinedContents, ListContents, type Stamped } from './window-contents.js'
import { WindowOperator, type WindowFunctions, type WindowSurroundings } from './window-operator.js'

type Definition<K extends FunctionKind['kind']> = Extract<FunctionDefinition, { kind: K }>

export function createWindow(definition: Definition<'window'>): WindowOperator {
  const functions = [definition.reduce, definition.aggregate, definition.process, definition.apply].filter((user) => user !== undefined)
  return new WindowOperator(definition, definition.window, functions, (surroundings) =>
    definition.window.evictor !== undefined
      ? evicting(definition, definition.window.evictor, surroundings)
      : definition.reduce === undefined && definition.aggregate === undefined
        ? listing(definition, surroundings)
        : combining(definition, surroundings),
  )
}

/** Calls the process or apply function, or collects the elements if there is neither. */
function caller(definition: Definition<'window'>, { out, services }: WindowSurroundings) {
  const { state, windowed, global } = services
  let current: F.Window = { start: 0, end: 0 }
  const context: F.WindowContext = {
    window: () => current,
    currentProcessingTime: () => state.now(),
    currentWatermark: () => services.watermark,
    windowState: () => windowed,
    globalState: () => global,
    output: (tag, value) => out.side(tag, value),
  }
  const { process } = definition
  const apply =
    definition.apply === undefined
      ? undefined
      : methodOf<(key: unknown, window: F.Window, elements: Iterable<unknown>, out: F.Collector<unknown>) => void>(
          definition.apply,
          'apply',
        )
  return {
    call(window: F.Window, elements: readonly unknown[]): void {
      current = window
      if (process !== undefined) process.process(state.keyValue(), context, elements, out)
      else if (apply !== undefined) apply(state.keyValue(), window, elements, out)
      else for (const element of elements) out.collect(element)
    },
    clear(window: F.Window): void {
      current = window
      process?.clear?.(context)
    },
  }
}

function listing(definition: Definition<'window'>, surroundings: WindowSurroundings): WindowFunctions {
  const contents = new ListContents(surroundings.services.state, 1, false)
  const { call, clear } = caller(definition, surroundings)
  return {
    contents,
    fire(window, stateWindow) {
      const elements = contents.values(stateWindow, 0)
      if (elements.length > 0) call(window, elements)
    },
    clear,
  }
}

function combining(definition: Definition<'window'>, surroundings: WindowSurroundings): WindowFunctions {
  const { aggregate } = definition
  const state = new CombinedState(surroundings.services.state, aggregate === undefined ? 'reduced element' : 'accumulator')
  const reduce = definition.reduce === undefined ? undefined : methodOf<(a: unknown, b: unknown) => unknown>(definition.reduce, 'reduce')
  const contents =
    reduce === undefined
      ? new CombinedContents(
          state,
          () => aggregate?.createAccumulator() as unknown,
          (combined, value) => aggregate?.add(value, combined) as unknown,
          (a, b) => aggregate?.merge(a, b) as unknown,
        )
      : new CombinedContents(state, undefined, reduce, reduce)
  const { call, clear } = caller(definition, surroundings)
  return {
    contents,
    fire(window, stateWindow) {
      const combined = contents.value(stateWindow)
      if (combined === undefined) return
      call(window, [aggregate === undefined ? combined.value : aggregate.getResult(combined.value)])
    },
    clear,
  }
}

/** Elements are kept whatever the function, since the evictor sees them all; they are combined when the window fires. */
function evicting(definition: Definition<'window'>, evictor: F.Evictor<unknown>, surroundings: WindowSurroundings): WindowFunctions {
  const contents = new ListContents(surroundings.services.state, 1, true)
  const { call, clear } = caller(definition, surroundings)
  const { aggregate } = definition
  const reduce = definition.reduce === undefined ? undefined : methodOf<(a: unknown, b: unknown) => unknown>(definition.reduce, 'reduce')
  return {
    contents,
    fire(window, stateWindow) {
      const all = contents.stampedValues(stateWindow)
      if (all.length === 0) return
      const kept: Stamped[] = evictor.evictBefore === undefined ? all : evictor.evictBefore(all, window)
      const values = kept.map((element) => element.value)
      if (values.length > 0) {
        if (reduce !== undefined) call(window, [values.reduce((a, b) => reduce(a, b))])
        else if (aggregate !== undefined) {
          const accumulator = values.reduce<unknown>((combined, value) => aggregate.add(value, combined), aggregate.createAccumulator())
          call(window, [aggregate.getResult(accumulator)])
        } else call(window, values)
      }
      const left = evictor.evictAfter === undefined ? kept : evictor.evictAfter([...kept], window)
      if (left.length !== all.length) contents.replace(stateWindow, left)
    },
    clear,
  }
}

/** Two inputs, whose elements of a key and window meet. */
function joining(
  definition: FunctionDefinition & { readonly window: WindowDefinition },
  user: unknown,
  join: (left: unknown[], right: unknown[], out: F.Collector<unknown>) => void,
): WindowOperator {
  return new WindowOperator(definition, definition.window, [user], ({ out, services }) => {
    const contents = new ListContents(services.state, 2, false)
    return {
      contents,
      fire: (_window, stateWindow) => join(contents.values(stateWindow, 0), contents.values(stateWindow, 1), out),
    }
  })
}

export function createCoGroup(definition: Definition<'co-group'>): WindowOperator {
  const user = definition.function
  return joining(definition, user, (left, right, out) => {
    if (left.length + right.length > 0) user.coGroup(left, right, out)
  })
}

export function createWindowJoin(definition: Definition<'window-join'>): WindowOperator {
  const join = methodOf<(left: unknown, right: unknown) => unknown>(definition.join, 'join')
  return joining(definition, definition.join, (left, right, out) => {
    for (const a of left) for (const b of right) out.collect(join(a, b))
  })
}

export function createWindowFlatJoin(definition: Definition<'window-flat-join'>): WindowOperator {
  const join = methodOf<(left: unknown, right: unknown, out: F.Collector<unknown>) => void>(definition.join, 'join')
  return joining(definition, definition.join, (left, right, out) => {
    for (const a of left) for (const b of right) join(a, b, out)
  })
}
