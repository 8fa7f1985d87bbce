/**
 * Lines from a terminal, one at a time: between them the terminal belongs to whoever runs the statement, so that Ctrl-C is a signal then and
 * what is typed ahead waits. A new readline interface each time; what one had read too much is given to the next.
 */
import { createInterface } from 'node:readline'
import type { ReadStream, WriteStream } from 'node:tty'

export type ReadLine = { readonly kind: 'line'; readonly text: string } | { readonly kind: 'interrupt' } | { readonly kind: 'end' }

/** Candidates for the word before the cursor, and that word. */
export type Completer = (line: string, position: number) => Promise<[candidates: string[], word: string]>

export class LineReader {
  readonly #input: ReadStream
  readonly #output: WriteStream
  readonly #complete: Completer
  #ahead: string[] = []
  #begun = ''

  constructor(input: ReadStream, output: WriteStream, complete: Completer) {
    this.#input = input
    this.#output = output
    this.#complete = complete
  }

  /** `history`: the newest last. */
  read(prompt: string, history: readonly string[]): Promise<ReadLine> {
    const text = this.#ahead.shift()
    if (text !== undefined) return Promise.resolve({ kind: 'line', text })
    return new Promise((resolve) => {
      let answer: ReadLine | undefined
      const reader = createInterface({
        input: this.#input,
        output: this.#output,
        terminal: true,
        prompt,
        history: history.toReversed(),
        historySize: history.length,
        completer: (line: string, callback: (error: null, result: [string[], string]) => void) => {
          // A gateway that does not answer completes nothing.
          this.#complete(line, reader.cursor).then(
            (result) => callback(null, result),
            () => callback(null, [[], line]),
          )
        },
      })
      const finish = (given: ReadLine): void => {
        if (answer !== undefined) {
          if (given.kind === 'line') this.#ahead.push(given.text)
          return
        }
        answer = given
        // What came in the same portion is read before the interface is closed.
        setImmediate(() => {
          this.#begun = given.kind === 'line' ? reader.line : ''
          reader.close()
          resolve(given)
        })
      }
      reader.on('line', (line) => finish({ kind: 'line', text: line }))
      reader.on('SIGINT', () => {
        this.#ahead = []
        this.#output.write('^C\n')
        finish({ kind: 'interrupt' })
      })
      reader.on('close', () => {
        if (answer === undefined) {
          answer = { kind: 'end' }
          this.#output.write('\n')
          resolve(answer)
        }
      })
      reader.prompt()
      if (this.#begun !== '') reader.write(this.#begun)
      this.#begun = ''
    })
  }
}
