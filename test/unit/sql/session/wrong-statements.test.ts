import { Configuration } from '#core/config/configuration.js'
import { WeftError } from '#core/errors/define-error.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { compileScript } from '#sql/session/compile-script.js'
import { goldenTests } from '../golden.js'
import { TABLES } from '../tables.js'

/** Tables in one line, so that positions in the messages are those of the case, one line on. */
const PREAMBLE = `${TABLES.trim().replaceAll('\n', ' ')}\n`

function failure(sql: string): string {
  const configuration = Configuration.of({ 'table.local-time-zone': 'Europe/Berlin' })
  try {
    compileScript({ text: PREAMBLE + sql, name: 'job.sql', configuration, environment: virtualEnvironment() })
    return 'NO ERROR'
  } catch (error) {
    if (!(error instanceof WeftError)) throw error
    return `${error.code}\n${error.message}`
  }
}

goldenTests('wrong-statements.txt', 60, failure)
