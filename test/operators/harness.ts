/**
 * Plays an operator through every way in which its input may be cut into batches, and of being interrupted (interruptions.ts), and
 * compares what it emits.
 *
 *   await operatorTest({ op: 'union' }, 'item STRING, price INT', 'item STRING, price INT')
 *     .input(`+I a 12
 *             watermark 5000
 *             1: +I b NULL`)            // a row of input 1
 *     .output(`+I a 12
 *              watermark 5000
 *              +I b NULL`)
 *
 * Script lines: rows (test/operators/rows.ts), `watermark <ms or 'timestamp'>`, `wait <ms>`; the last watermark and the end of
 * input follow by themselves. Expected lines: rows; `watermark …` and `idle true|false` lines are compared when there is one.
 */
import { expect } from 'chai'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import { formatRow, materialize, parseRow, schemaOf } from './rows.js'
import { INTERRUPTIONS, type Interruption } from './interruptions.js'
import { BATCHINGS, runOperator, type Batching, type Emitted, type Result, type Step, type Subject } from './run.js'
import { MAX_WATERMARK } from '#runtime/operators/operator.js'

/** `inputs`: one schema text for every input of the operator. */
export function operatorTest(spec: OperatorSpec, inputs: string | readonly string[], output: string): OperatorTest {
  const schemas = (typeof inputs === 'string' ? [inputs] : inputs).map(schemaOf)
  return new OperatorTest({ spec, inputs: schemas, output: schemaOf(output) })
}

export class OperatorTest {
  readonly #subject: Subject
  readonly #batchings: readonly Batching[]
  readonly #steps: readonly Step[]

  constructor(subject: Subject, batchings: readonly Batching[] = BATCHINGS, steps: readonly Step[] = []) {
    this.#subject = subject
    this.#batchings = batchings
    this.#steps = steps
  }

  input(script: string): OperatorTest {
    return new OperatorTest(this.#subject, this.#batchings, [...this.#steps, ...lines(script).map((line) => this.#step(line))])
  }

  configuration(configuration: Readonly<Record<string, string>>): OperatorTest {
    return new OperatorTest({ ...this.#subject, configuration }, this.#batchings, this.#steps)
  }

  /** Only these ways of batching: for what legitimately depends on batches. */
  batching(...batchings: readonly Batching[]): OperatorTest {
    return new OperatorTest(this.#subject, batchings, this.#steps)
  }

  /** The emitted lines, in order; `late`: rows counted as late. */
  async output(expected: string, late = 0): Promise<void> {
    const wanted = lines(expected)
    const events = wanted.some((line) => /^(watermark|idle) /.test(line))
    await this.#each((result) => {
      expect(result.emitted.flatMap((item) => this.#line(item, events))).to.deep.equal(wanted)
      expect(result.late, 'late rows').to.equal(late)
    })
  }

  /** What is there at the end, in any order; the changelog must be valid. */
  async materialized(expected: string): Promise<void> {
    await this.#each((result) => {
      expect(materialize(result.rows, this.#subject.output)).to.deep.equal(lines(expected).sort())
    })
  }

  /** The run fails with that error code, and the message matches. */
  async fails(code: string, message: RegExp): Promise<void> {
    for (const batching of this.#batchings) {
      let caught: unknown
      await runOperator(this.#subject, this.#steps, batching).catch((error: unknown) => (caught = error))
      expect(caught, `as ${batching}`).to.be.instanceOf(Error)
      expect((caught as { code?: string }).code ?? (caught as Error).message, `as ${batching}`).to.equal(code)
      expect((caught as Error).message).to.match(message)
    }
  }

  async #each(check: (result: Result) => void): Promise<void> {
    for (const batching of this.#batchings) {
      const result = await runOperator(this.#subject, this.#steps, batching)
      await named(`batches cut as '${batching}'`, () => check(result))
      if (batching !== 'one' && batching !== this.#batchings[0]) continue
      for (const interruption of INTERRUPTIONS) {
        if (interruption !== 'none')
          await named(`batches cut as '${batching}', ${interruption}`, () => this.#sameWhen(interruption, batching, result))
      }
    }
  }

  /** What each item of the script makes the operator emit is the same, however often it was interrupted before. */
  async #sameWhen(interruption: Interruption, batching: Batching, expected: Result): Promise<void> {
    const result = await runOperator(this.#subject, this.#steps, batching, interruption)
    const lines = (items: readonly Emitted[]): string[] => {
      const all = items.flatMap((item) => (item.type === 'idle' ? [] : this.#line(item, true)))
      return interruption === 'rescale' || this.#unordered() ? all.sort() : all
    }
    expect(result.byItem.map(lines)).to.deep.equal(expected.byItem.map(lines))
    expect(result.late, 'late rows').to.equal(expected.late)
  }

  /** What one item makes it emit has no order of its own. */
  #unordered(): boolean {
    const { spec } = this.#subject
    return (
      spec.op === 'join' ||
      spec.op === 'interval-join' ||
      spec.op === 'set-operation' ||
      spec.op === 'window-aggregate' ||
      spec.op === 'session-window' ||
      (spec.op === 'group-aggregate' && spec.output === 'final')
    )
  }

  #step(line: string): Step {
    const [word, rest] = split(line)
    if (word === 'wait') return { type: 'wait', ms: Number(rest) }
    if (word === 'watermark') return { type: 'watermark', watermark: millis(rest) }
    const input = /^(\d+):$/.exec(word)
    const number = input === null ? 0 : Number(input[1])
    const schema = this.#subject.inputs[number]
    if (schema === undefined) throw new Error(`no input ${number}`)
    return { type: 'row', input: number, row: parseRow(input === null ? line : rest, schema) }
  }

  #line(item: Emitted, events: boolean): string[] {
    if (item.type === 'row') return [formatRow(item.row, this.#subject.output)]
    if (!events) return []
    if (item.type === 'idle') return [`idle ${item.idle}`]
    return item.watermark === MAX_WATERMARK ? [] : [`watermark ${item.watermark}`]
  }
}

async function named(how: string, check: () => void | Promise<void>): Promise<void> {
  try {
    await check()
  } catch (error) {
    if (error instanceof Error) error.message = `${how}: ${error.message}`
    throw error
  }
}

function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

function split(line: string): [string, string] {
  const space = line.indexOf(' ')
  return space < 0 ? [line, ''] : [line.slice(0, space), line.slice(space + 1).trim()]
}

/** `5000` or `'1970-01-01 00:00:05'` (UTC). */
function millis(text: string): number {
  return /^-?\d+$/.test(text) ? Number(text) : Date.parse(`${text.replaceAll("'", '').replace(' ', 'T')}Z`)
}
