/** The client at a terminal: statements typed over several lines, until the user leaves. */
import { readFileSync } from 'node:fs'
import type { ReadStream, WriteStream } from 'node:tty'
import { CLIENT_WORDS, clientCommand, endsWithoutSemicolon, HELP_TEXT } from './client-commands.js'
import { wordsThatFit } from './completion.js'
import { ScriptUnreadable } from './errors.js'
import type { GatewayClient } from './gateway-client.js'
import type { History } from './history.js'
import { LineReader } from './line-reader.js'
import { splitStatements } from './split-statements.js'
import type { StatementRunner } from './statement-runner.js'

const PROMPT = 'Weft SQL> '
const MORE = '> '.padStart(PROMPT.length)
const CLEAR_SCREEN = '\x1b[H\x1b[2J\x1b[3J'

export interface InteractiveOptions {
  readonly client: GatewayClient
  readonly runner: StatementRunner
  readonly history: History
  readonly input: ReadStream
  readonly output: WriteStream
  /** A failure as it is told. */
  describe(error: unknown): Promise<string>
  /** Resolves when the cluster has ended. */
  readonly over: Promise<string>
}

/** Resolves when the user has left; false: the cluster has ended instead. */
export async function interactive(options: InteractiveOptions): Promise<boolean> {
  const { client, history, input, output } = options
  let typed = ''
  const reader = new LineReader(input, output, async (line, position) => {
    const before = `${typed}${line.slice(0, position)}`
    const candidates = await client.complete(`${typed}${line}`, before.length)
    return wordsThatFit(before, [...(typed === '' ? CLIENT_WORDS : []), ...candidates])
  })
  const gone = options.over.then((why) => ({ kind: 'gone' as const, why }))
  output.write(`Type HELP; for what can be typed, QUIT; to leave.\n`)
  for (;;) {
    const read = await Promise.race([reader.read(typed === '' ? PROMPT : MORE, history.statements), gone])
    if (read.kind === 'gone') {
      output.write(`\n${read.why}\n`)
      return false
    }
    if (read.kind === 'end') return true
    if (read.kind === 'interrupt') {
      typed = ''
      continue
    }
    typed += typed === '' && endsWithoutSemicolon(read.text) ? `${read.text};\n` : `${read.text}\n`
    const { statements, rest } = splitStatements(typed)
    for (const { text } of statements) {
      history.add(`${text};`)
      if ((await execute(text, options)) === 'quit') return true
    }
    typed = rest === '' ? '' : `${rest}\n`
  }
}

async function execute(statement: string, options: InteractiveOptions): Promise<'quit' | 'done' | 'failed'> {
  const { runner, output } = options
  const command = clientCommand(statement)
  switch (command?.kind) {
    case 'quit':
      return 'quit'
    case 'clear':
      output.write(CLEAR_SCREEN)
      return 'done'
    case 'help':
      output.write(HELP_TEXT)
      return 'done'
    default:
  }
  const interrupt = new AbortController()
  const onInterrupt = () => interrupt.abort()
  process.on('SIGINT', onInterrupt)
  try {
    if (command === undefined) await runner.run(statement, interrupt.signal)
    else
      for (const { text } of scriptStatements(command.file)) {
        if (interrupt.signal.aborted) break
        const outcome = await execute(text, options)
        if (outcome !== 'done') return outcome
      }
    output.write('\n')
    return 'done'
  } catch (error) {
    output.write(`[ERROR] Could not execute SQL statement. Reason:\n${await options.describe(error)}\n\n`)
    return 'failed'
  } finally {
    process.off('SIGINT', onInterrupt)
  }
}

function scriptStatements(file: string): readonly { readonly text: string }[] {
  try {
    const { statements, rest } = splitStatements(readFileSync(file, 'utf8'))
    return rest === '' ? statements : [...statements, { text: rest }]
  } catch (error) {
    throw new ScriptUnreadable({ file, reason: (error as Error).message }, { cause: error })
  }
}
