/**
 * The simulated world's time: one queue of events, run one by one; everything that follows from an event without waiting (promises)
 * has happened before the next one. Each event belongs to a process, which may be paused or killed; what a killed process still had to
 * do never happens. One seed decides everything, and the transcript says what happened.
 */
import { createHash } from 'node:crypto'
import { setLogSink, type LogLevel } from '#core/log/logger.js'
import type { Environment, Millis, RandomSource, TimerHandle } from '#core/time/environment.js'
import { virtualEnvironment, type VirtualEnvironment } from '#core/time/virtual-environment.js'

export interface Violation {
  /** Virtual ms since the start. */
  readonly at: Millis
  /** Name of the invariant. */
  readonly invariant: string
  readonly what: string
}

/** Lines kept of a transcript; a run that goes wrong is found wrong near its end. */
const MAX_LINES = 200_000

export class Kernel {
  readonly seed: number
  readonly lines: string[] = []
  readonly violations: Violation[] = []
  /** Events run so far. */
  events = 0
  /** Whose event runs. */
  current = 'world'
  /** Told after each event, and what followed from it, whose it was: for those who measure. */
  onTurn: ((who: string) => void) | undefined
  readonly #queue: VirtualEnvironment
  readonly #hash = createHash('sha256')
  readonly #quiet: boolean

  /** `quiet`: no transcript, for runs whose cost is measured. */
  constructor(seed: number, quiet = false) {
    this.seed = seed
    this.#quiet = quiet
    this.#queue = virtualEnvironment(seed)
  }

  /** Virtual ms since the start. */
  get now(): Millis {
    return this.#queue.clock.monotonic()
  }

  get wallClock(): Millis {
    return this.#queue.clock.now()
  }

  /** Numbers of their own for `name`: what others draw does not change them. */
  random(name: string): Dice {
    const digest = createHash('sha256').update(`${this.seed}/${name}`).digest()
    return new Dice(virtualEnvironment(digest.readUInt32BE(0)).random)
  }

  /** An event of the world itself: network, YARN, faults. */
  after(delay: Millis, action: () => void, who = 'world'): TimerHandle {
    return this.#queue.timers.after(delay, () => {
      this.current = who
      action()
    })
  }

  say(what: string, who = this.current): void {
    if (this.#quiet) return
    const line = `${(this.now / 1000).toFixed(3).padStart(9)}  ${who.padEnd(10)} ${what}`
    this.#hash.update(line)
    if (this.lines.length < MAX_LINES) this.lines.push(line)
  }

  violate(invariant: string, what: string): void {
    this.violations.push({ at: this.now, invariant, what })
    this.say(`VIOLATION of '${invariant}': ${what}`, 'oracle')
  }

  /** Of all lines so far. */
  digest(): string {
    return this.#hash.copy().digest('hex').slice(0, 16)
  }

  /** Runs events until `done`, nothing is left, a violation, or virtual `until`. What processes log goes into the transcript meanwhile. */
  async run(until: Millis, done: () => boolean): Promise<void> {
    const onRejection = (reason: unknown) =>
      this.violate('no unhandled rejection', reason instanceof Error ? (reason.stack ?? reason.message) : String(reason))
    process.on('unhandledRejection', onRejection)
    const formerSink = setLogSink(({ level, component, message, error }) => this.#log(level, component, message, error))
    try {
      // What was begun outside of an event comes first.
      await turn()
      while (!done() && this.violations.length === 0 && (this.#queue.nextTimer() ?? Infinity) - this.#start <= until) {
        try {
          this.#queue.step()
        } catch (error) {
          this.violate('no exception', error instanceof Error ? (error.stack ?? error.message) : String(error))
        }
        this.events++
        await turn()
        this.onTurn?.(this.current)
      }
      await turn()
    } finally {
      process.off('unhandledRejection', onRejection)
      setLogSink(formerSink)
    }
  }

  get #start(): Millis {
    return this.#queue.clock.now() - this.#queue.clock.monotonic()
  }

  #log(level: LogLevel, component: string, message: string, error: unknown): void {
    if (this.#quiet) return
    const cause = error instanceof Error && error.message !== message ? ` (${oneLine(causes(error))})` : ''
    const mark = level === 'error' || level === 'warn' ? `${level.toUpperCase()} ` : ''
    this.say(`${mark}${component}: ${oneLine(message)}${cause}`)
  }
}

function causes(error: Error): string {
  return error.cause instanceof Error ? `${error.message} <- ${causes(error.cause)}` : error.message
}

function oneLine(text: string): string {
  return text.length > 600 ? `${text.slice(0, 600).replaceAll('\n', ' | ')}…` : text.replaceAll('\n', ' | ')
}

/** Every promise that can settle has. Nothing but promises runs meanwhile: there are no sockets, files or real timers. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Random numbers as scenarios want them. */
export class Dice {
  readonly source: RandomSource

  constructor(source: RandomSource) {
    this.source = source
  }

  /** In [from, to). */
  between(from: number, to: number): number {
    return from + (to - from) * this.source.uniform()
  }
  /** An integer from `from` to `to`, both included. */
  integer(from: number, to: number): number {
    return Math.floor(this.between(from, to + 1))
  }
  chance(probability: number): boolean {
    return this.source.uniform() < probability
  }
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new Error('nothing to pick from')
    return items[this.integer(0, items.length - 1)] as T
  }
}

/** A process on a host: what it waits for reaches it only while it lives, and waits while it is paused. */
export class SimProcess {
  readonly name: string
  readonly host: string
  readonly kernel: Kernel
  readonly environment: Environment
  readonly dice: Dice
  alive = true
  readonly #atEnd: (() => void)[] = []
  /** Undefined: it runs. */
  #waiting: (() => void)[] | undefined

  constructor(kernel: Kernel, name: string, host: string) {
    this.kernel = kernel
    this.name = name
    this.host = host
    this.dice = kernel.random(name)
    this.environment = {
      clock: { now: () => kernel.wallClock, monotonic: () => kernel.now },
      timers: { after: (delay, action) => this.after(delay, action) },
      random: this.dice.source,
    }
  }

  after(delay: Millis, action: () => void): TimerHandle {
    let cancelled = false
    const timer = this.kernel.after(
      delay,
      () =>
        this.deliver(() => {
          if (!cancelled) action()
        }),
      this.name,
    )
    return {
      cancel: () => {
        cancelled = true
        timer.cancel()
      },
    }
  }

  /** Now, or when the pause is over, or never. */
  deliver(action: () => void): void {
    if (!this.alive) return
    if (this.#waiting !== undefined) return void this.#waiting.push(action)
    this.kernel.current = this.name
    action()
  }

  wait(delay: Millis): Promise<void> {
    return new Promise((resolve) => this.after(delay, resolve))
  }

  pause(length: Millis): void {
    if (!this.alive || this.#waiting !== undefined) return
    this.#waiting = []
    this.kernel.say(`is paused for ${Math.round(length)} ms`, this.name)
    const goOn = () => {
      const next = this.#waiting?.shift()
      if (next === undefined) this.#waiting = undefined
      else {
        this.kernel.current = this.name
        // In order: what comes meanwhile waits behind.
        this.kernel.after(0, goOn, this.name)
        next()
      }
    }
    this.kernel.after(length, () => {
      if (this.alive) this.kernel.say('goes on', this.name)
      goOn()
    })
  }

  onEnd(action: () => void): void {
    this.#atEnd.push(action)
  }

  /** Nothing of it happens any more. */
  end(how: string): void {
    if (!this.alive) return
    this.alive = false
    this.#waiting = undefined
    this.kernel.say(how, this.name)
    for (const action of this.#atEnd) action()
  }
}
