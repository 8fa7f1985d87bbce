/** A whole script to what its statements do: all of it is read and planned before anything runs, so that a typo costs nothing. */
import type { Configuration } from '#core/config/configuration.js'
import type { JobId } from '#core/ids/ids.js'
import type { Environment, RandomSource } from '#core/time/environment.js'
import { systemEnvironment } from '#core/time/environment.js'
import { parseScript } from '../parser/parse-statement.js'
import { SourceText } from '../parser/source-text.js'
import type { FunctionModules } from '../validate/function-modules.js'
import { SqlSession } from './sql-session.js'
import type { StatementEffect } from './statement-effect.js'

export interface ScriptInput {
  readonly text: string
  /** The script's name for messages: a file, or empty. */
  readonly name: string
  /** Scripts whose statements come before, each with its own places in messages. */
  readonly before?: readonly { readonly text: string; readonly name: string }[] | undefined
  readonly configuration: Configuration
  /** Id of the first job; the others follow from it. */
  readonly jobId?: JobId | undefined
  /** Default: the environment's. */
  readonly random?: RandomSource | undefined
  /** Default: the system's. */
  readonly environment?: Environment | undefined
  /** Of its CREATE FUNCTION statements. */
  readonly modules?: FunctionModules | undefined
}

export interface CompiledStatement {
  /** From 0. */
  readonly index: number
  /** As written, without the `;`. */
  readonly text: string
  /** Of parser/ast-statement.ts: `create-table`, `insert`, `select-statement`, … */
  readonly kind: string
  readonly line: number
  readonly column: number
  readonly effect: StatementEffect
}

export interface CompiledScript {
  readonly statements: readonly CompiledStatement[]
}

/** @throws SQL_SYNTAX, SQL_NOT_SUPPORTED, SQL_VALIDATION, CONFIG_…, TABLE_…: each message ends in place, source line and caret */
export function compileScript(input: ScriptInput): CompiledScript {
  const environment = input.environment ?? systemEnvironment
  const session = new SqlSession({
    configuration: input.configuration,
    random: input.random ?? environment.random,
    clock: environment.clock,
    jobId: input.jobId,
    modules: input.modules,
  })
  const scripts = [...(input.before ?? []), input]
  const statements: CompiledStatement[] = []
  for (const { name, text } of scripts) {
    const source = new SourceText(name, text)
    for (const parsed of parseScript(source))
      statements.push({
        index: statements.length,
        text: text.slice(parsed.start.offset, parsed.end),
        kind: parsed.statement.kind,
        line: parsed.start.line,
        column: parsed.start.column,
        effect: session.execute(parsed, source),
      })
    session.finish(source)
  }
  return { statements }
}
