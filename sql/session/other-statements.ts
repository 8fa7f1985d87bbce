/** Catalogs, databases, functions and modules; and what the dialect has and is not executed, refused by name at its place. */
import type { Statement } from '../parser/ast-statement.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { BindContext } from '../validate/binder.js'
import {
  alterCatalog,
  alterDatabase,
  createCatalog,
  createDatabase,
  dropCatalog,
  dropDatabase,
  useCatalog,
  useDatabase,
} from './database-statements.js'
import { alterFunction, createFunction, dropFunction } from './function-statements.js'
import { CORE_MODULE } from './show-statements.js'

type Executed =
  | 'create-table'
  | 'create-view'
  | 'drop'
  | 'alter-table'
  | 'alter-view'
  | 'insert'
  | 'statement-set'
  | 'begin-statement-set'
  | 'end-statement-set'
  | 'select-statement'
  | 'set'
  | 'reset'
  | 'show'
  | 'show-current'
  | 'show-create'
  | 'describe'
  | 'describe-object'
  | 'explain'

/** @throws SQL_VALIDATION, SQL_NOT_SUPPORTED */
export function executeOther(statement: Exclude<Statement, { kind: Executed }>, context: BindContext): void {
  const { source } = context
  const { at } = statement
  const refuse = (what: string, hint: string | null = null) => notSupported(source, at, `the statement ${what}.`, hint)
  switch (statement.kind) {
    case 'create-catalog':
      return createCatalog(statement, context)
    case 'alter-catalog':
      return alterCatalog(statement, context)
    case 'create-database':
      return createDatabase(statement, context)
    case 'alter-database':
      return alterDatabase(statement, context)
    case 'use-catalog':
      return useCatalog(statement, context)
    case 'use-database':
      return useDatabase(statement, context)
    case 'create-function':
      return createFunction(statement, context)
    case 'alter-function':
      return alterFunction(statement, context)
    case 'drop-object':
      if (statement.object === 'CATALOG') return dropCatalog(statement, context)
      if (statement.object === 'DATABASE') return dropDatabase(statement, context)
      if (statement.object === 'FUNCTION') return dropFunction(statement, context)
      throw refuse(`DROP ${statement.object}`)
    case 'use-modules': {
      const other = statement.names.find(({ text }) => text !== CORE_MODULE)
      if (other !== undefined)
        throw validationError(source, other.at, `No module with name '${other.text}' exists`, `There is '${CORE_MODULE}'.`)
      if (statement.names.length > 1) throw validationError(source, at, `Module '${CORE_MODULE}' appears more than once`)
      return
    }
    case 'load-module':
      if (statement.name.text === CORE_MODULE)
        throw validationError(source, statement.name.at, `A module with name '${CORE_MODULE}' already exists`)
      throw refuse(`LOAD MODULE ${statement.name.text}`, `There is only the module '${CORE_MODULE}'.`)
    case 'unload-module':
      if (statement.name.text !== CORE_MODULE)
        throw validationError(source, statement.name.at, `No module with name '${statement.name.text}' exists`)
      throw refuse('UNLOAD MODULE core', 'It is the only one.')
    case 'create-model':
      throw refuse('CREATE MODEL')
    case 'create-materialized-table':
      throw refuse('CREATE MATERIALIZED TABLE')
    case 'alter-model':
      throw refuse('ALTER MODEL')
    case 'alter-materialized-table':
      throw refuse('ALTER MATERIALIZED TABLE')
    case 'jar':
      throw refuse(`${statement.action} JAR`, 'Jars have no place here: functions are modules in TypeScript or JavaScript.')
    case 'truncate':
      throw refuse('TRUNCATE TABLE')
    case 'delete':
      throw refuse('DELETE')
    case 'update':
      throw refuse('UPDATE')
    case 'call-procedure':
      throw refuse('CALL')
    case 'analyze':
      throw refuse('ANALYZE TABLE')
    case 'compile-plan':
      throw refuse(`COMPILE ${statement.execute ? 'AND EXECUTE ' : ''}PLAN`)
    case 'execute-plan':
      throw refuse('EXECUTE PLAN')
    case 'show-jobs':
      throw refuse('SHOW JOBS', 'It is there in a SQL gateway; elsewhere use weft list.')
    case 'describe-job':
      throw refuse('DESCRIBE JOB', 'It is there in a SQL gateway; elsewhere use weft list.')
    case 'stop-job':
      throw refuse('STOP JOB', 'It is there in a SQL gateway; elsewhere use weft stop or weft cancel.')
    case 'client-command':
      throw refuse(statement.command, 'It is a command of an interactive client.')
  }
}
