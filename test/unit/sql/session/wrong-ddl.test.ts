import { Configuration } from '#core/config/configuration.js'
import { WeftError } from '#core/errors/define-error.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { compileScript } from '#sql/session/compile-script.js'
import { goldenTests } from '../golden.js'
import { TABLES } from '../tables.js'

const PREAMBLE = `${TABLES.trim().replaceAll('\n', ' ')} CREATE CATALOG c1 WITH ('type' = 'generic_in_memory'); CREATE VIEW rich AS SELECT id FROM people;\n`

function failure(sql: string): string {
  try {
    const configuration = Configuration.of({ 'table.local-time-zone': 'UTC' })
    compileScript({ text: PREAMBLE + sql, name: 'job.sql', configuration, environment: virtualEnvironment() })
    return 'NO ERROR'
  } catch (error) {
    if (!(error instanceof WeftError)) throw error
    return `${error.code}\n${error.message}`
  }
}

goldenTests('wrong-ddl.txt', 60, failure)
