/** A script without a terminal: statements in their order, up to the first that fails. */
import { clientCommand, HELP_TEXT } from './client-commands.js'
import { splitStatements } from './split-statements.js'
import type { StatementRunner } from './statement-runner.js'
import type { TextSink } from '../cli/progress.js'

export interface Script {
  /** For messages: a file's name, `-e`, `<stdin>`. */
  readonly name: string
  readonly text: string
}

export interface ScriptOptions {
  readonly runner: StatementRunner
  readonly info: TextSink
  readonly signal: AbortSignal
  describe(error: unknown): Promise<string>
  /** A script named by SOURCE. @throws SQL_CLIENT_SCRIPT_UNREADABLE */
  read(file: string): Script
}

export type ScriptEnd = 'done' | 'quit' | 'failed' | 'interrupted'

/** A SOURCE within a SOURCE, and so on. */
const MAX_DEPTH = 20

export async function runScript({ name, text }: Script, options: ScriptOptions, depth = 0): Promise<ScriptEnd> {
  const { runner, info, signal } = options
  const { statements, rest, restStart } = splitStatements(text)
  const all = rest === '' ? statements : [...statements, { text: rest, start: restStart }]
  for (const [i, statement] of all.entries()) {
    if (signal.aborted) return 'interrupted'
    const command = clientCommand(statement.text)
    if (command?.kind === 'quit') return 'quit'
    if (command?.kind === 'clear') continue
    if (command?.kind === 'help') {
      info.write(HELP_TEXT)
      continue
    }
    try {
      if (command?.kind === 'source') {
        if (depth >= MAX_DEPTH) throw new Error(`SOURCE stands ${MAX_DEPTH} times within another`)
        const end = await runScript(options.read(command.file), options, depth + 1)
        if (end !== 'done') return end
      } else await runner.run(inPlace(text, statement.start, statement.text), signal)
    } catch (error) {
      const line = text.slice(0, statement.start).split('\n').length
      info.write(`[ERROR] Could not execute SQL statement ${i + 1} of ${name} (line ${line}). Reason:\n${await options.describe(error)}\n`)
      return 'failed'
    }
  }
  return signal.aborted ? 'interrupted' : 'done'
}

/** Behind as many lines and blanks as stand before it in the script, so that places in messages are the script's. */
function inPlace(text: string, start: number, statement: string): string {
  const before = text.slice(0, start)
  const lines = before.split('\n')
  return `${'\n'.repeat(lines.length - 1)}${' '.repeat(lines.at(-1)?.length ?? 0)}${statement}`
}
