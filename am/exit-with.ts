/** The end of a JobManager that is a process: said in the log, once. */
import { logger } from '#core/log/logger.js'

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

/** What nobody caught ends the process. Nor does it listen for a debugger: Node would, for whoever of the same system user sends this signal. */
export function exitOnUncaught(): void {
  process.on('SIGUSR1', () => undefined)
  process.on('uncaughtException', (error) => exitWith(1, 'The JobManager failed', error))
  process.on('unhandledRejection', (error) => exitWith(1, 'The JobManager failed', error))
}
