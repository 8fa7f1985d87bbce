/** CREATE, ALTER and DROP FUNCTION. Calls: validate/bind-user-function.ts. */
import type { AlterFunction } from '../parser/ast-alter.js'
import type { CreateFunction, DropObject } from '../parser/ast-statement.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import { fullName, type CatalogFunction, type ObjectPath } from '../catalog/catalog.js'
import type { BindContext } from '../validate/binder.js'
import { didYouMean } from '../validate/scope.js'
import { existingDatabase, objectPath } from '../validate/table-names.js'

type Layer = 'system' | 'temporary' | 'permanent'

function target(
  statement: CreateFunction | AlterFunction | DropObject,
  { source, catalog }: BindContext,
): { layer: Layer; path: ObjectPath } {
  if (statement.system && statement.name.length > 1)
    throw validationError(source, (statement.name[0] as Name).at, 'A system function belongs to no database: its name has one part.')
  const path = objectPath(source, statement.name, catalog)
  return { path, layer: statement.system ? 'system' : statement.temporary ? 'temporary' : 'permanent' }
}

export function createFunction(statement: CreateFunction, context: BindContext): void {
  const { source, catalog } = context
  const { path, layer } = target(statement, context)
  const [resource] = statement.resources
  if (resource !== undefined)
    throw notSupported(source, resource.at, `functions from a ${resource.kind}.`, "Write AS 'module.js#export' LANGUAGE JAVASCRIPT.")
  const [option] = statement.options
  if (option !== undefined) throw notSupported(source, option.at, 'options of a function.')
  const definition = defined(statement, path.name, context)
  if (layer === 'permanent') existingDatabase(source, statement.name, path, catalog)
  if (catalog.findFunction(path, layer) !== undefined) {
    if (statement.ifNotExists) return
    const what = layer === 'system' ? `Temporary system function '${path.name}'` : `Function ${fullName(path)}`
    throw validationError(
      source,
      (statement.name.at(-1) as Name).at,
      `${what} already exists.`,
      'Use CREATE FUNCTION IF NOT EXISTS, or DROP it first.',
    )
  }
  catalog.putFunction(path, layer, definition)
}

export function alterFunction(statement: AlterFunction, context: BindContext): void {
  const { path, layer } = target(statement, context)
  if (layer !== 'permanent')
    throw notSupported(
      context.source,
      statement.at,
      `ALTER TEMPORARY${layer === 'system' ? ' SYSTEM' : ''} FUNCTION.`,
      'DROP and CREATE it.',
    )
  const definition = defined(statement, path.name, context)
  if (context.catalog.findFunction(path, layer) === undefined) {
    if (statement.ifExists) return
    throw missing(path, layer, statement, context)
  }
  context.catalog.putFunction(path, layer, definition)
}

export function dropFunction(statement: DropObject, context: BindContext): void {
  const { path, layer } = target(statement, context)
  if (context.catalog.findFunction(path, layer) === undefined) {
    if (statement.ifExists) return
    throw missing(path, layer, statement, context)
  }
  context.catalog.removeFunction(path, layer)
}

function missing(path: ObjectPath, layer: Layer, { name }: AlterFunction | DropObject, { source, catalog }: BindContext) {
  const what =
    layer === 'system'
      ? `Temporary system function '${path.name}'`
      : `${layer === 'temporary' ? 'Temporary function' : 'Function'} ${fullName(path)}`
  return validationError(source, (name.at(-1) as Name).at, `${what} does not exist.`, didYouMean(path.name, catalog.functionNames(path)))
}

/** @throws SQL_VALIDATION, SQL_NOT_SUPPORTED for languages of the JVM and Python */
function defined(
  { implementation, language, at }: CreateFunction | AlterFunction,
  name: string,
  { source, modules }: BindContext,
): CatalogFunction {
  if (language === null)
    throw validationError(
      source,
      at,
      'The function says no language: without LANGUAGE it is one of Java.',
      'Write LANGUAGE TYPESCRIPT or LANGUAGE JAVASCRIPT.',
    )
  if (language.text !== 'TYPESCRIPT' && language.text !== 'JAVASCRIPT')
    throw notSupported(source, language.at, `functions in ${language.text}.`, 'TYPESCRIPT and JAVASCRIPT are there.')
  if (!/^[^#]+#[\p{L}_$][\p{L}\p{N}_$]*$/u.test(implementation.text))
    throw validationError(
      source,
      implementation.at,
      `'${implementation.text}' names no export of a module.`,
      "Write AS 'functions.js#name'.",
    )
  const typed = /\.m?ts#/.test(implementation.text)
  if (typed !== (language.text === 'TYPESCRIPT'))
    throw validationError(
      source,
      language.at,
      `'${implementation.text}' is ${typed ? 'TypeScript' : 'JavaScript'}, and the function says LANGUAGE ${language.text}.`,
      `Write LANGUAGE ${typed ? 'TYPESCRIPT' : 'JAVASCRIPT'}.`,
    )
  const hash = implementation.text.lastIndexOf('#')
  const [path, exported] = [implementation.text.slice(0, hash), implementation.text.slice(hash + 1)]
  return {
    name,
    implementation: implementation.text,
    language: language.text,
    module: () => {
      const module = modules?.get(path)
      if (module === undefined) return { digest: '', declared: { problem: `its module ${path} is not there: this session takes none` } }
      if ('problem' in module) return { digest: '', declared: module }
      const names = [...module.exports.keys()]
      const declared = module.exports.get(exported) ?? {
        problem: `${path} has no export '${exported}'${names.length > 0 && names.length <= 12 ? `, but ${names.join(', ')}` : ''}`,
      }
      return {
        digest: module.digest,
        declared:
          'problem' in declared
            ? { problem: declared.problem.includes(exported) ? declared.problem : `'${exported}' of ${path}: ${declared.problem}` }
            : declared,
      }
    },
  }
}
