/** Logging behind one interface. Entry points set the sink (winston-sink.ts); until then warnings and errors go to stderr. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

export interface LogRecord {
  readonly level: LogLevel
  readonly component: string
  readonly message: string
  readonly error?: unknown
}

export interface Logger {
  error(message: string, error?: unknown): void
  warn(message: string, error?: unknown): void
  info(message: string): void
  debug(message: string): void
}

let sink: (record: LogRecord) => void = (record) => {
  if (record.level === 'error' || record.level === 'warn')
    process.stderr.write(`${record.level.toUpperCase()} ${record.component}: ${record.message}\n`)
}

/** Answers with the former one. */
export function setLogSink(next: (record: LogRecord) => void): (record: LogRecord) => void {
  const former = sink
  sink = next
  return former
}

/** `component` names who speaks: `JobMaster`, `hadoop.ipc`. */
export function logger(component: string): Logger {
  return {
    error: (message, error) => sink({ level: 'error', component, message, error }),
    warn: (message, error) => sink({ level: 'warn', component, message, error }),
    info: (message) => sink({ level: 'info', component, message }),
    debug: (message) => sink({ level: 'debug', component, message }),
  }
}
