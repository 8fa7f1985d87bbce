/** Expressions back to text, every operation between parentheses. For the round trip text → tree → text. */
import type { ExpressionNode } from '#sql/parser/ast-expression.js'
import type { TypeNode } from '#sql/parser/ast-type.js'

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`
const name = (text: string): string => `\`${text.replaceAll('`', '``')}\``
const not = (negated: boolean): string => (negated ? ' NOT' : '')

export function printExpression(node: ExpressionNode): string {
  const print = printExpression
  switch (node.kind) {
    case 'column':
      return node.path.map(({ text }) => name(text)).join('.')
    case 'star':
      return [...node.qualifier.map(({ text }) => name(text)), '*'].join('.')
    case 'number':
      return node.text
    case 'string':
      return quote(node.value)
    case 'binary-string':
      return `X'${node.hex}'`
    case 'boolean':
      return node.value ? 'TRUE' : 'FALSE'
    case 'null':
      return 'NULL'
    case 'temporal':
      return `${node.type} ${quote(node.text)}`
    case 'interval':
      return `(INTERVAL ${node.negative ? '-' : ''}${quote(node.text)} ${node.from}${node.to === null ? '' : ` TO ${node.to}`})`
    case 'unary':
      return `(${node.operator} ${print(node.arg)})`
    case 'binary':
      return `(${print(node.left)} ${node.operator} ${print(node.right)})`
    case 'is':
      return `(${print(node.arg)} IS${not(node.negated)} ${node.truth})`
    case 'distinct-from':
      return `(${print(node.left)} IS${not(node.negated)} DISTINCT FROM ${print(node.right)})`
    case 'between':
      return `(${print(node.arg)}${not(node.negated)} BETWEEN${node.symmetric ? ' SYMMETRIC' : ''} ${print(node.low)} AND ${print(node.high)})`
    case 'in-list':
      return `(${print(node.arg)}${not(node.negated)} IN (${node.list.map(print).join(', ')}))`
    case 'like':
      return `(${print(node.arg)}${not(node.negated)} ${node.operator} ${print(node.pattern)}${node.escape === null ? '' : ` ESCAPE ${print(node.escape)}`})`
    case 'case':
      return [
        'CASE',
        ...(node.operand === null ? [] : [print(node.operand)]),
        ...node.branches.map(({ when, then }) => `WHEN ${print(when)} THEN ${print(then)}`),
        ...(node.otherwise === null ? [] : [`ELSE ${print(node.otherwise)}`]),
        'END',
      ].join(' ')
    case 'cast':
      return `${node.safe ? 'TRY_CAST' : 'CAST'}(${print(node.arg)} AS ${printType(node.type)})`
    case 'call':
      return printCall(node)
    case 'symbol':
      return node.name
    case 'row':
      return `ROW(${node.items.map(print).join(', ')})`
    case 'collection':
      return `${node.type}[${node.items.map(print).join(', ')}]`
    case 'element':
      return `${print(node.arg)}[${print(node.index)}]`
    default:
      throw new Error(`no text for ${node.kind}`)
  }
}

function printCall(node: Extract<ExpressionNode, { kind: 'call' }>): string {
  const [first, ...rest] = node.args
  const called = node.name.map(({ text }) => text).join('.')
  const args = node.args.map(printExpression)
  const filter = node.filter === null ? '' : ` FILTER (WHERE ${printExpression(node.filter)})`
  if (node.star) return `${called}(*)${filter}`
  if (called === 'EXTRACT') return `EXTRACT(${args[0]} FROM ${args[1]})`
  if (called === 'POSITION') return `POSITION(${args[0]} IN ${args[1]})`
  if (called === 'TRIM' && first?.kind === 'symbol')
    return `TRIM(${first.name} ${printExpression(rest[0] as ExpressionNode)} FROM ${args[2]})`
  if (called === 'FLOOR' && rest[0]?.kind === 'symbol') return `FLOOR(${args[0]} TO ${args[1]})`
  return `${called}(${node.distinct ? 'DISTINCT ' : ''}${args.join(', ')})${filter}`
}

function printType(type: TypeNode): string {
  const parameters = type.parameters.length === 0 ? '' : `(${type.parameters.join(', ')})`
  const elements = type.elements.length === 0 ? '' : `<${type.elements.map(printType).join(', ')}>`
  const fields =
    type.name === 'ROW' ? `<${type.fields.map((field) => `${name(field.name.text)} ${printType(field.type)}`).join(', ')}>` : ''
  return `${type.name}${parameters}${elements}${fields}${type.nullable ? '' : ' NOT NULL'}`
}
