/**
 * Live progress of an attached job, on stderr so that stdout holds results only. On a terminal the block is redrawn in place;
 * elsewhere a line is printed when a state changes and every ten seconds.
 *
 *   Job flight-delays (RUNNING) 3 s
 *     RUNNING   2/2  Source: flights → Calc             in        0  out   12 031     4 010 rec/s
 */
import type { JobDetails } from '#core/rest/responses.js'
import { displayWidth } from './result-table.js'

const NAME_WIDTH = 44
const QUIET_INTERVAL_MS = 10_000

export interface TextSink {
  write(text: string): void
  readonly isTTY: boolean
  readonly columns: number
}

export function textSink(stream: NodeJS.WriteStream): TextSink {
  return {
    write: (text) => void stream.write(text),
    get isTTY() {
      return stream.isTTY
    },
    get columns() {
      return stream.columns ?? 120
    },
  }
}

export class Progress {
  readonly #sink: TextSink
  #drawnLines = 0
  #lastPlain: { key: string; at: number } | undefined
  readonly #lastOut = new Map<string, { at: number; records: number; rate: number }>()

  constructor(sink: TextSink) {
    this.#sink = sink
  }

  /** Shows the job's state; `now` in ms, monotonic. */
  show(job: JobDetails, now: number): void {
    const lines = this.describe(job, now)
    if (this.#sink.isTTY) {
      this.clear()
      this.#sink.write(lines.map((line) => cut(line, this.#sink.columns - 1) + '\n').join(''))
      this.#drawnLines = lines.length
      return
    }
    const key = `${job.state} ${job.vertices.map((vertex) => vertex.status).join(' ')}`
    if (this.#lastPlain?.key === key && now - this.#lastPlain.at < QUIET_INTERVAL_MS) return
    this.#lastPlain = { key, at: now }
    this.#sink.write(lines.join('\n') + '\n')
  }

  /** Takes the block off the terminal, so that other output can go there. */
  clear(): void {
    if (this.#drawnLines > 0) this.#sink.write(`\x1b[${this.#drawnLines}A\x1b[0J`)
    this.#drawnLines = 0
  }

  describe(job: JobDetails, now: number): string[] {
    const seconds = Math.floor(job.duration / 1000)
    const head = `Job ${job.name} ${job.jid} ${job.state} ${seconds} s`
    return [
      head,
      ...job.vertices.map((vertex) => {
        const running = vertex.tasks.RUNNING + vertex.tasks.FINISHED
        const rate = this.#rate(`${job.jid}/${vertex.id}`, Math.max(vertex.metrics['write-records'], vertex.metrics['read-records']), now)
        return (
          `  ${vertex.status.padEnd(12)} ${`${running}/${vertex.parallelism}`.padStart(5)}  ${cut(vertex.name, NAME_WIDTH).padEnd(NAME_WIDTH)}` +
          `  in ${number(vertex.metrics['read-records'])}  out ${number(vertex.metrics['write-records'])}  ${number(rate)} rec/s`
        )
      }),
    ]
  }

  #rate(key: string, records: number, now: number): number {
    const last = this.#lastOut.get(key)
    if (last === undefined) {
      this.#lastOut.set(key, { at: now, records, rate: 0 })
      return 0
    }
    if (now - last.at < 200) return last.rate
    const rate = Math.max(0, Math.round(((records - last.records) * 1000) / (now - last.at)))
    this.#lastOut.set(key, { at: now, records, rate })
    return rate
  }
}

function number(value: number): string {
  return String(value)
    .replaceAll(/\B(?=(\d{3})+$)/g, ' ')
    .padStart(11)
}

function cut(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  let kept = ''
  for (const character of text) {
    if (displayWidth(kept + character) > width - 1) break
    kept += character
  }
  return `${kept}…`
}
