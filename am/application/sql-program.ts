/** A SQL script as the application's program: compiled as a whole, then run statement by statement. */
import type { FunctionFiles } from '#core/cluster/function-files.js'
import type { Configuration } from '#core/config/configuration.js'
import type { JobId } from '#core/ids/ids.js'
import type { Environment } from '#core/time/environment.js'
import { compileScript } from '#sql/session/compile-script.js'
import { loadFunctionModules } from '#sql/validate/function-modules.js'
import { StatementFailed } from './errors.js'
import { jobFinished, type StatementRunner } from './statement-runner.js'

export interface SqlProgram {
  readonly name: string
  readonly text: string
  readonly configuration: Configuration
  readonly jobId: JobId
  /** That its CREATE FUNCTION statements name. */
  readonly functions?: FunctionFiles | undefined
}

/**
 * Resolves when every statement has run; jobs that nobody waits for may go on. `canceled` is asked before each statement.
 * @throws errors of the compiler (which hold line, column and the source line), APPLICATION_STATEMENT_FAILED
 */
export async function runSqlProgram(
  program: SqlProgram,
  environment: Environment,
  runner: StatementRunner,
  canceled: () => boolean,
): Promise<void> {
  const { name, text, configuration, jobId, functions } = program
  const modules = functions === undefined ? undefined : await loadFunctionModules(functions)
  const script = compileScript({ text, name, configuration, jobId, random: environment.random, environment, modules })
  for (const statement of script.statements) {
    if (canceled()) return
    try {
      const job = runner.execute(statement)
      if (job !== undefined && statement.effect.kind === 'job' && statement.effect.wait) await jobFinished(job)
    } catch (error) {
      if (canceled()) return
      throw new StatementFailed(
        { number: statement.index + 1, place: ` (${name}, line ${statement.line})`, text: statement.text },
        { cause: error },
      )
    }
  }
}
