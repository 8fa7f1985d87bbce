/** The end of a JobManager that is a process: said in the log, once. */
import { logger } from '#core/log/logger.js'
import { ignoreInspectorSignal } from '#core/security/inspector.js'

const log = logger('Master')
let exiting = false

export function exitWith(code: number, message: string, error?: unknown): void {
  if (exiting) return
  exiting = true
  if (error === undefined) log.info(message)
  else log.error(message, error)
  // One turn for the log's own stream.
  setTimeout(() => process.exit(code), 20)
}

/** What nobody caught ends the process, which no debugger's signal opens. */
export function exitOnUncaught(): void {
  ignoreInspectorSignal()
  process.on('uncaughtException', (error) => exitWith(1, 'The JobManager failed', error))
  process.on('unhandledRejection', (error) => exitWith(1, 'The JobManager failed', error))
}
