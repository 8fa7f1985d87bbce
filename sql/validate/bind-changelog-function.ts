/** TO_CHANGELOG and FROM_CHANGELOG: `FROM TO_CHANGELOG(input => TABLE t, op => DESCRIPTOR(op), op_mapping => MAP['INSERT', 'I', …])`. */
import { STRING } from '#core/types/logical-type.js'
import type { CallNode, ExpressionNode } from '../parser/ast-expression.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { FromChangelog, RelationField, ToChangelog } from '../plan/relation.js'
import { bindNamed } from './bind-table.js'
import type { BindContext } from './binder.js'

/** By row kind. */
const OPERATIONS = ['INSERT', 'UPDATE_BEFORE', 'UPDATE_AFTER', 'DELETE'] as const
const PARAMETERS = ['INPUT', 'OP', 'OP_MAPPING'] as const
type Parameter = (typeof PARAMETERS)[number]

export function isChangelogFunction(name: string): name is 'TO_CHANGELOG' | 'FROM_CHANGELOG' {
  return name === 'TO_CHANGELOG' || name === 'FROM_CHANGELOG'
}

export function bindChangelogFunction(
  name: 'TO_CHANGELOG' | 'FROM_CHANGELOG',
  call: CallNode,
  context: BindContext,
): ToChangelog | FromChangelog {
  const { source } = context
  const given = argumentsOf(name, call, context)
  const table = given.get('INPUT')
  if (table?.kind !== 'table-argument') throw validationError(source, table?.at ?? call.at, `First argument must be a table for ${name}.`)
  if (table.partitionBy.length > 0) throw notSupported(source, table.at, `PARTITION BY of the table of ${name}.`)
  if (table.orderBy.length > 0) throw notSupported(source, table.at, 'ORDER BY of a table argument.')
  const input = bindNamed(table.table, {}, context)
  const op = opColumn(given.get('OP'), context)
  const mapping = given.get('OP_MAPPING')
  const pairs = mapping === undefined ? undefined : literalMap(mapping, context)
  if (name === 'TO_CHANGELOG') {
    // Rows of a changelog come in no order of time: it ends here.
    const fields = input.fields.map((field): RelationField => ({ ...field, rowtime: false }))
    const codes = pairs === undefined ? [...OPERATIONS] : codesByKind(pairs, mapping as ExpressionNode, context)
    return { kind: 'to-changelog', input, codes, fields: [{ name: op, type: { ...STRING, nullable: true }, rowtime: false }, ...fields] }
  }
  const column = input.fields.findIndex((field) => field.name === op)
  const place = given.get('OP')?.at ?? table.at
  if (column < 0) throw validationError(source, place, `The op column '${op}' does not exist in the input schema.`)
  if (input.fields[column]?.type.kind !== 'VARCHAR') throw validationError(source, place, `The op column '${op}' must be of STRING type.`)
  const kinds =
    pairs === undefined ? OPERATIONS.map((code, kind) => ({ code, kind })) : kindsByCode(pairs, mapping as ExpressionNode, context)
  const fields = input.fields.filter((_, i) => i !== column).map((field): RelationField => ({ ...field, rowtime: false }))
  return { kind: 'from-changelog', input, column, kinds, fields }
}

function argumentsOf(name: string, call: CallNode, { source }: BindContext): Map<Parameter, ExpressionNode> {
  const given = new Map<Parameter, ExpressionNode>()
  for (const [i, node] of call.args.entries()) {
    const named = node.kind === 'named-argument'
    const parameter = named ? PARAMETERS.find((each) => each === node.name.text.toUpperCase()) : PARAMETERS[i]
    if (parameter === undefined)
      throw validationError(source, node.at, `${name} takes ${PARAMETERS.map((each) => each.toLowerCase()).join(', ')}.`)
    if (given.has(parameter)) throw validationError(source, node.at, `${parameter.toLowerCase()} is given twice.`)
    given.set(parameter, named ? node.value : node)
  }
  return given
}

function opColumn(node: ExpressionNode | undefined, { source }: BindContext): string {
  if (node === undefined) return 'op'
  if (node.kind !== 'descriptor' || node.columns.length !== 1)
    throw validationError(source, node.at, "The descriptor for argument 'op' must contain exactly one column name.")
  return (node.columns[0] as (typeof node.columns)[number]).text
}

function literalMap(node: ExpressionNode, { source }: BindContext): [key: string, value: string][] {
  const items = node.kind === 'collection' && node.type === 'MAP' ? node.items : []
  const texts = items.flatMap((item) => (item.kind === 'string' ? [item.value] : []))
  if (texts.length === 0 || texts.length !== items.length || texts.length % 2 !== 0)
    throw validationError(
      source,
      node.at,
      "The 'op_mapping' argument must be a constant MAP literal.",
      "Write MAP['INSERT', 'I', 'DELETE', 'D'].",
    )
  return texts.flatMap((text, i) => (i % 2 === 0 ? [[text, texts[i + 1] as string] as [string, string]] : []))
}

/** Whether the name is an operation's, and given once. */
class Operations {
  readonly #seen = new Set<string>()
  readonly #fail: (text: string) => never

  constructor(node: ExpressionNode, { source }: BindContext) {
    this.#fail = (text) => {
      throw validationError(source, node.at, `Invalid target mapping for argument 'op_mapping'. ${text}`)
    }
  }

  kindOf(name: string, hint: string): number {
    const kind = OPERATIONS.findIndex((operation) => operation === name)
    if (kind < 0) this.#fail(`Unknown change operation: '${name}'. Valid values are: ${OPERATIONS.join(', ')}.`)
    if (this.#seen.has(name)) this.#fail(`Duplicate change operation: '${name}'.${hint}`)
    this.#seen.add(name)
    return kind
  }
}

function codesByKind(pairs: readonly [string, string][], node: ExpressionNode, context: BindContext): (string | null)[] {
  const operations = new Operations(node, context)
  const codes: (string | null)[] = OPERATIONS.map(() => null)
  for (const [names, code] of pairs) for (const name of names.split(',')) codes[operations.kindOf(name.trim(), '')] = code
  return codes
}

function kindsByCode(pairs: readonly [string, string][], node: ExpressionNode, context: BindContext): { code: string; kind: number }[] {
  const operations = new Operations(node, context)
  const hint = " Use comma-separated keys to map multiple codes to the same operation (e.g., MAP['c, r', 'INSERT'])."
  const kinds = pairs.flatMap(([codes, name]) => {
    const kind = operations.kindOf(name.trim(), hint)
    return codes.split(',').map((code) => ({ code: code.trim(), kind }))
  })
  const has = (name: (typeof OPERATIONS)[number]): boolean => kinds.some(({ kind }) => OPERATIONS[kind] === name)
  if (has('UPDATE_AFTER') && !has('UPDATE_BEFORE'))
    throw validationError(
      context.source,
      node.at,
      "The 'op_mapping' must include UPDATE_BEFORE for retract mode. Upsert mode (without UPDATE_BEFORE) is not supported in this version.",
    )
  const twice = kinds.find(({ code }, i) => kinds.findIndex((other) => other.code === code) !== i)
  if (twice !== undefined) throw validationError(context.source, node.at, `Invalid target mapping for argument 'op_mapping'. The code '${twice.code}' is given twice.`) // prettier-ignore
  return kinds
}
