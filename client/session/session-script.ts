/** A SQL script whose jobs run in a session: compiled here as a whole, then run statement by statement. */
import type { FunctionFiles } from '#core/cluster/function-files.js'
import type { Configuration } from '#core/config/configuration.js'
import type { JobId } from '#core/ids/ids.js'
import { compileScript } from '#sql/session/compile-script.js'
import { loadFunctionModules } from '#sql/validate/function-modules.js'
import { StatementFailed } from './errors.js'
import type { SessionApplication } from './session-application.js'

export interface SessionScript {
  readonly name: string
  readonly text: string
  readonly configuration: Configuration
  readonly jobId: JobId
  /** That its CREATE FUNCTION statements name. */
  readonly functions?: FunctionFiles | undefined
}

/** Resolves when every statement has run; jobs that none waits for go on. @throws the compiler's errors, SESSION_STATEMENT_FAILED */
export async function runSessionScript(
  { name, text, configuration, jobId, functions }: SessionScript,
  application: SessionApplication,
): Promise<void> {
  const { environment } = application
  const modules = functions === undefined ? undefined : await loadFunctionModules(functions)
  const script = compileScript({ text, name, configuration, jobId, random: environment.random, environment, modules })
  for (const statement of script.statements) {
    if (application.left) return
    try {
      const job = await application.execute(statement)
      if (job !== undefined && statement.effect.kind === 'job' && statement.effect.wait) await job.finished()
    } catch (error) {
      throw new StatementFailed(
        { number: statement.index + 1, place: ` (${name}, line ${statement.line})`, text: statement.text },
        { cause: error },
      )
    }
  }
}
