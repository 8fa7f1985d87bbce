/** JSON functions of standard SQL, with the keywords between their arguments. */
import type { ExpressionNode, JsonBehavior, JsonCallNode } from './ast-expression.js'
import { parseFilter } from './parse-call.js'
import { parseExpression } from './parse-expression.js'
import { parseType } from './parse-type.js'
import type { TokenStream } from './token-stream.js'

const FUNCTIONS = new Set(['JSON_VALUE', 'JSON_QUERY', 'JSON_EXISTS', 'JSON_OBJECT', 'JSON_ARRAY', 'JSON_OBJECTAGG', 'JSON_ARRAYAGG'])

export function isJsonFunction(upper: string): boolean {
  return FUNCTIONS.has(upper)
}

/** At the function's name. */
export function parseJsonCall(tokens: TokenStream): JsonCallNode {
  const { upper: name, at } = tokens.advance()
  tokens.expect('(')
  const args: ExpressionNode[] = []
  let onNull: JsonCallNode['onNull'] = null
  let clauses: JsonClauses = NO_CLAUSES
  if (name === 'JSON_OBJECT' || name === 'JSON_OBJECTAGG') {
    if (!tokens.isAt(')') && !atOnNull(tokens)) {
      do args.push(...parseMember(tokens))
      while (name === 'JSON_OBJECT' && tokens.accept(','))
    }
    onNull = parseOnNull(tokens)
  } else if (name === 'JSON_ARRAY' || name === 'JSON_ARRAYAGG') {
    if (!tokens.isAt(')') && !atOnNull(tokens)) args.push(...tokens.commaSeparated(() => parseExpression(tokens)))
    onNull = parseOnNull(tokens)
  } else {
    args.push(parseExpression(tokens))
    tokens.expect(',')
    args.push(parseExpression(tokens))
    clauses = parseClauses(tokens, name)
  }
  tokens.expect(')')
  return Object.freeze({ kind: 'json-call', at, name, args: Object.freeze(args), ...clauses, onNull, filter: parseFilter(tokens) })
}

type JsonClauses = Pick<JsonCallNode, 'returning' | 'wrapper' | 'onEmpty' | 'onError'>
const NO_CLAUSES: JsonClauses = { returning: null, wrapper: null, onEmpty: null, onError: null }

/** `[KEY] k VALUE v` or `k : v` */
function parseMember(tokens: TokenStream): [ExpressionNode, ExpressionNode] {
  if (tokens.isAt('KEY') && !tokens.isAt(':', 1) && !tokens.isAt('VALUE', 1)) tokens.accept('KEY')
  const key = parseExpression(tokens)
  if (!tokens.accept(':')) tokens.expect('VALUE')
  return [key, parseExpression(tokens)]
}

function atOnNull(tokens: TokenStream): boolean {
  return tokens.isAtAll('NULL', 'ON', 'NULL') || tokens.isAtAll('ABSENT', 'ON', 'NULL')
}

function parseOnNull(tokens: TokenStream): JsonCallNode['onNull'] {
  return tokens.accept('NULL', 'ON', 'NULL') ? 'NULL' : tokens.accept('ABSENT', 'ON', 'NULL') ? 'ABSENT' : null
}

function parseClauses(tokens: TokenStream, name: string): JsonClauses {
  const returning = name !== 'JSON_EXISTS' && tokens.accept('RETURNING') ? parseType(tokens) : null
  const wrapper = name === 'JSON_QUERY' ? parseWrapper(tokens) : null
  let onEmpty: JsonBehavior | null = null
  let onError: JsonBehavior | null = null
  for (let behavior = parseBehavior(tokens); behavior !== undefined; behavior = parseBehavior(tokens)) {
    if (name !== 'JSON_EXISTS' && onEmpty === null && onError === null && tokens.accept('ON', 'EMPTY')) onEmpty = behavior
    else if (onError === null) {
      tokens.expect('ON')
      tokens.expect('ERROR')
      onError = behavior
    } else throw tokens.unexpected()
  }
  return { returning, wrapper, onEmpty, onError }
}

/** `WITHOUT [ARRAY] WRAPPER`, `WITH [CONDITIONAL | UNCONDITIONAL] [ARRAY] WRAPPER` */
function parseWrapper(tokens: TokenStream): JsonCallNode['wrapper'] {
  let wrapper: JsonCallNode['wrapper'] = null
  if (tokens.accept('WITHOUT')) wrapper = 'WITHOUT'
  else if (tokens.accept('WITH')) wrapper = tokens.accept('CONDITIONAL') ? 'CONDITIONAL' : (tokens.accept('UNCONDITIONAL'), 'UNCONDITIONAL')
  if (wrapper === null) return null
  tokens.accept('ARRAY')
  tokens.expect('WRAPPER')
  return wrapper
}

function parseBehavior(tokens: TokenStream): JsonBehavior | undefined {
  if (tokens.accept('DEFAULT')) return Object.freeze({ kind: 'DEFAULT', value: parseExpression(tokens) })
  if (tokens.accept('EMPTY')) {
    if (tokens.accept('OBJECT')) return Object.freeze({ kind: 'EMPTY OBJECT' })
    tokens.expect('ARRAY')
    return Object.freeze({ kind: 'EMPTY ARRAY' })
  }
  const kind = (['NULL', 'ERROR', 'TRUE', 'FALSE', 'UNKNOWN'] as const).find((word) => tokens.accept(word))
  return kind === undefined ? undefined : Object.freeze({ kind })
}
