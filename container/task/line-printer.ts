/**
 * Lines of the print connector on their way from a slot's thread to the process's stdout. Lines are gathered and sent whole, so
 * those of different slots never mix; what has not been written yet is bounded.
 */
const SEND_CHARACTERS = 16 * 1024
const MAX_OUTSTANDING = 1024 * 1024

export class LinePrinter {
  readonly #send: (text: string, stderr: boolean) => void
  /** Text by stream: stdout, stderr. */
  readonly #gathered = ['', '']
  #outstanding = 0
  #scheduled = false
  readonly #waiting = new Set<() => void>()

  /** `send` hands whole lines on; `written` must follow for each. */
  constructor(send: (text: string, stderr: boolean) => void) {
    this.#send = send
  }

  print(line: string, stderr: boolean): void {
    const stream = stderr ? 1 : 0
    this.#gathered[stream] += `${line}\n`
    this.#outstanding += line.length + 1
    if ((this.#gathered[stream]?.length ?? 0) >= SEND_CHARACTERS) return this.flush()
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.flush()
    })
  }

  flush(): void {
    for (const stream of [0, 1]) {
      const text = this.#gathered[stream] ?? ''
      if (text === '') continue
      this.#gathered[stream] = ''
      this.#send(text, stream === 1)
    }
  }

  /** That many characters have reached the stream. */
  written(characters: number): void {
    this.#outstanding -= characters
    if (this.#outstanding >= MAX_OUTSTANDING) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }

  /** False: too much is under way; `wake` is called when no more. */
  hasRoom(wake: () => void): boolean {
    if (this.#outstanding < MAX_OUTSTANDING) return true
    this.#waiting.add(wake)
    return false
  }
}
