/**
 * What was typed, for the arrow keys: a statement a line, the newest last, in a file that only its user can read. Statements that name a
 * password or another secret are not kept.
 */
import { appendFileSync, chmodSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { isSecretKey } from '#core/config/configuration.js'
import { onOneLine, stringsOf } from './split-statements.js'

/** Statements that are kept; the file may hold twice as many before it is written anew. */
export const MAX_HISTORY = 1000
const MAX_LINE_LENGTH = 100_000
const MAX_FILE_BYTES = 64 * 1024 * 1024
const ONLY_OWNER = 0o600

export class History {
  readonly #file: string
  readonly #onProblem: (problem: string) => void
  #lines: string[] = []

  /** `onProblem` hears, once, why the file cannot be used: the client goes on without it. */
  constructor(file: string, onProblem: (problem: string) => void) {
    this.#file = file
    let told = false
    this.#onProblem = (problem) => {
      if (!told) onProblem(problem)
      told = true
    }
    this.#read()
  }

  /** The newest last. */
  get statements(): readonly string[] {
    return this.#lines
  }

  /** `statement` as typed, with its `;`. */
  add(statement: string): void {
    const line = onOneLine(statement)
    if (line === undefined || line === '' || line === this.#lines.at(-1) || line.length > MAX_LINE_LENGTH) return
    if (stringsOf(line).some(isSecretKey)) return
    this.#lines = [...this.#lines, line].slice(-MAX_HISTORY)
    try {
      appendFileSync(this.#file, `${line}\n`, { mode: ONLY_OWNER })
    } catch (error) {
      this.#onProblem(`The history cannot be written to ${this.#file}: ${(error as Error).message}`)
    }
  }

  #read(): void {
    try {
      const status = statSync(this.#file, { throwIfNoEntry: false })
      if (status === undefined) return
      if (!status.isFile()) throw new Error('it is no file')
      if (status.size > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`)
      if ((status.mode & 0o077) !== 0) chmodSync(this.#file, ONLY_OWNER)
      const lines = readFileSync(this.#file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
      this.#lines = lines.slice(-MAX_HISTORY)
      if (lines.length < MAX_HISTORY * 2) return
      const fresh = `${this.#file}.${process.pid}`
      writeFileSync(fresh, `${this.#lines.join('\n')}\n`, { mode: ONLY_OWNER })
      renameSync(fresh, this.#file)
    } catch (error) {
      this.#onProblem(`The history in ${this.#file} cannot be read: ${(error as Error).message}`)
    }
  }
}
