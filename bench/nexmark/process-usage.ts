/** CPU and memory of another process of this machine, from /proc. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export class CpuAndMemory {
  readonly #pid: number
  readonly #ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

  constructor(pid: number) {
    this.#pid = pid
  }

  /** Seconds, user and system, of all its threads so far. */
  cpu(): number {
    const stat = readFileSync(`/proc/${this.#pid}/stat`, 'utf8')
    // The command's name, in parentheses, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / this.#ticksPerSecond
  }

  /** Greatest resident set so far, MB. */
  peakMegabytes(): number {
    return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${this.#pid}/status`, 'utf8'))?.[1] ?? NaN) / 1024)
  }
}
