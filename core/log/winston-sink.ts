/** The log sink of a process: winston, one line per record, to stdout or stderr, or to a file. */
import winston from 'winston'
import { setLogSink, type LogLevel } from './logger.js'

export interface LogTarget {
  readonly level: LogLevel
  /** Undefined: stderr. */
  readonly file?: string
}

/** Lines read `2026-11-23 10:20:30,123 INFO  JobMaster - message`, as Flink's. An error's stack with its causes follows. */
export function useWinston(target: LogTarget): void {
  const line = winston.format.printf((info) => {
    const time = new Date().toISOString().replace('T', ' ').replace('Z', '').replace('.', ',')
    return `${time} ${info.level.toUpperCase().padEnd(5)} ${String(info['component'])} - ${String(info.message)}`
  })
  const transport =
    target.file === undefined
      ? new winston.transports.Console({ stderrLevels: ['error', 'warn', 'info', 'debug'] })
      : new winston.transports.File({ filename: target.file, maxsize: 64 * 1024 * 1024, maxFiles: 5 })
  const log = winston.createLogger({
    level: target.level,
    levels: { error: 0, warn: 1, info: 2, debug: 3 },
    format: line,
    transports: [transport],
  })
  setLogSink((record) => {
    log.log({
      level: record.level,
      component: record.component,
      message: record.error === undefined ? record.message : `${record.message}\n${describe(record.error)}`,
    })
  })
}

function describe(error: unknown): string {
  const lines: string[] = []
  for (let current: unknown = error, depth = 0; current !== undefined && depth < 20; depth++) {
    const text = current instanceof Error ? (current.stack ?? String(current)) : String(current)
    lines.push(depth === 0 ? text : `Caused by: ${text}`)
    current = current instanceof Error ? current.cause : undefined
  }
  return lines.join('\n')
}
