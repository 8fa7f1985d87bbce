/** `weft run` of the job under test, with what every campaign sets. */
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

const STDERR_KEPT = 10_000

/** Checkpoints every second; a failed task starts again at once, however often. */
const SETTINGS: Readonly<Record<string, string>> = {
  'parallelism.default': '2',
  'execution.checkpointing.interval': '1 s',
  'execution.checkpointing.tolerable-failed-checkpoints': '100',
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '100000',
  'restart-strategy.fixed-delay.delay': '50 ms',
  'taskmanager.memory.process.size': '512m',
}

export interface JobProcess {
  /** Undefined while it runs. */
  exit(): number | undefined
  /** Its last words. */
  stderr(): string
  /** @throws when it does not end in time, or not with 0 */
  finish(limitMs: number): Promise<void>
  /** Ends the command, and so what it started. */
  kill(): Promise<void>
}

export function startJob(
  weft: string,
  script: string,
  settings: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>>,
): JobProcess {
  const properties = Object.entries({ ...SETTINGS, ...settings }).flatMap(([key, value]) => ['-D', `${key}=${value}`])
  const child = spawn(process.execPath, [weft, 'run', ...properties, script], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...environment },
  })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString('utf8')).slice(-STDERR_KEPT)))
  let exit: number | undefined
  const ended = new Promise<void>((resolve) =>
    child.on('exit', (code) => {
      exit = code ?? -1
      resolve()
    }),
  )
  return {
    exit: () => exit,
    stderr: () => stderr,
    finish: async (limitMs) => {
      await Promise.race([ended, sleep(limitMs, undefined, { ref: false })])
      if (exit !== 0) throw new Error(exit === undefined ? 'the job did not end' : `the job ended with status ${exit}`)
    },
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}
