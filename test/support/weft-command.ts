/** Runs the built `weft` command as a user would. */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { projectRoot } from './project-root.js'

export interface CommandResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunningCommand {
  readonly child: ChildProcess
  readonly result: Promise<CommandResult>
  /** Resolves when stdout and stderr together match. Rejects when the command ends before. */
  says(pattern: RegExp): Promise<RegExpExecArray>
}

export interface CommandOptions {
  readonly cwd?: string
  /** On top of this process's environment; undefined takes a variable away. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

export function startWeft(args: readonly string[], options: CommandOptions = {}): RunningCommand {
  const child = spawn(process.execPath, [join(projectRoot, 'bin/weft.mjs'), ...args], {
    cwd: options.cwd ?? projectRoot,
    env: { ...process.env, HADOOP_CONF_DIR: undefined, YARN_CONF_DIR: undefined, HADOOP_HOME: undefined, ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  const waiting: { pattern: RegExp; resolve(match: RegExpExecArray): void; reject(error: Error): void }[] = []
  const look = () => {
    for (const wait of [...waiting]) {
      const match = wait.pattern.exec(stdout + stderr)
      if (match === null) continue
      waiting.splice(waiting.indexOf(wait), 1)
      wait.resolve(match)
    }
  }
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('utf8')
    look()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8')
    look()
  })
  const result = new Promise<CommandResult>((resolve) => {
    child.on('close', (status) => {
      for (const wait of waiting)
        wait.reject(
          new Error(`weft ${args.join(' ')} ended with ${String(status)} before it said ${String(wait.pattern)}:\n${stdout}${stderr}`),
        )
      resolve({ status, stdout, stderr })
    })
  })
  return {
    child,
    result,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        waiting.push({ pattern, resolve, reject })
        look()
      }),
  }
}

export function runWeft(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return startWeft(args, options).result
}
