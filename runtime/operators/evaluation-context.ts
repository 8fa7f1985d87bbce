/** What expressions see of the world while a task runs: the session's time zone and the clock. */
import { LOCAL_TIME_ZONE } from '#core/config/options/sql.js'
import type { EvaluationContext } from '../expr/evaluation.js'
import type { OperatorContext } from './operator.js'

export function evaluationContext(context: OperatorContext): EvaluationContext {
  return { timeZone: sessionTimeZone(context), now: () => context.environment.clock.now() }
}

/** `table.local-time-zone`; 'default' is the process's own. */
export function sessionTimeZone(context: OperatorContext): string {
  const zone = context.configuration.get(LOCAL_TIME_ZONE)
  return zone === 'default' ? Intl.DateTimeFormat().resolvedOptions().timeZone : zone
}
