/** Notices Ctrl-C; whoever waits asks it. A second one ends the command at once. */
export class Interrupted extends Error {
  /** Rows of a SELECT were on their way here. */
  readonly showedResult: boolean

  constructor(showedResult: boolean) {
    super()
    this.showedResult = showedResult
  }
}

export class InterruptWatch {
  /** Set once rows of a SELECT are shown. */
  showsResult = false
  #happened = false
  readonly #waiting: (() => void)[] = []
  readonly #listener = () => {
    if (this.#happened) process.exit(1)
    this.#happened = true
    for (const wake of this.#waiting) wake()
  }

  constructor() {
    process.on('SIGINT', this.#listener)
    process.on('SIGTERM', this.#listener)
  }

  check(): void {
    if (this.#happened) throw new Interrupted(this.showsResult)
  }

  /** Rejects when it happens. */
  get rejection(): Promise<never> {
    return new Promise((_, reject) => {
      const wake = () => reject(new Interrupted(this.showsResult))
      if (this.#happened) wake()
      else this.#waiting.push(wake)
    })
  }

  stop(): void {
    process.off('SIGINT', this.#listener)
    process.off('SIGTERM', this.#listener)
  }
}
