/** What follows a function's name: arguments in all their spellings, FILTER, OVER. */
import type { CallNode, ExpressionNode, FrameBound, SortItemNode, SymbolNode, WindowNode } from './ast-expression.js'
import { TIME_UNITS } from './keywords.js'
import { parseExpression, parseOperand } from './parse-expression.js'
import type { Name, TokenStream } from './token-stream.js'

/** Functions whose first argument may be a time unit as a bare word. */
const UNIT_FIRST = new Set(['EXTRACT', 'TIMESTAMPADD', 'TIMESTAMPDIFF'])
/** At the `(` behind the name. */
export function parseCall(tokens: TokenStream, name: readonly Name[]): CallNode {
  const function_ = name.length === 1 ? (name[0] as Name).text.toUpperCase() : ''
  const { at } = name[0] as Name
  tokens.expect('(')
  let star = false
  let distinct = false
  let args: ExpressionNode[] = []
  if (tokens.isAt('*') && tokens.isAt(')', 1)) {
    tokens.advance()
    star = true
  } else if (!tokens.isAt(')')) {
    distinct = tokens.accept('DISTINCT')
    if (!distinct) tokens.accept('ALL')
    args = parseArguments(tokens, function_)
  }
  tokens.wish(',')
  tokens.expect(')')
  let nulls = parseNullTreatment(tokens)
  let withinGroup: CallNode['withinGroup'] = Object.freeze([])
  if (tokens.accept('WITHIN', 'GROUP')) {
    tokens.expect('(')
    tokens.expect('ORDER')
    tokens.expect('BY')
    withinGroup = tokens.commaSeparated(() => parseSortItem(tokens))
    tokens.expect(')')
  }
  const filter = parseFilter(tokens)
  nulls ??= parseNullTreatment(tokens)
  let over: CallNode['over'] = null
  if (tokens.accept('OVER')) over = tokens.isAt('(') ? parseWindow(tokens) : tokens.expectIdentifier("a window's name")
  const of = { at, name: Object.freeze([...name]), args: Object.freeze(args), star, distinct, filter, over, withinGroup, nulls }
  return Object.freeze({ kind: 'call', ...of })
}

/** `[FILTER (WHERE …)]` */
export function parseFilter(tokens: TokenStream): ExpressionNode | null {
  if (!tokens.accept('FILTER')) return null
  tokens.expect('(')
  tokens.expect('WHERE')
  const filter = parseExpression(tokens)
  tokens.expect(')')
  return filter
}

function parseNullTreatment(tokens: TokenStream): CallNode['nulls'] {
  return tokens.accept('IGNORE', 'NULLS') ? 'IGNORE' : tokens.accept('RESPECT', 'NULLS') ? 'RESPECT' : null
}

function parseArguments(tokens: TokenStream, function_: string): ExpressionNode[] {
  if (UNIT_FIRST.has(function_)) {
    const unit = parseUnit(tokens)
    if (function_ === 'EXTRACT') tokens.expect('FROM')
    else tokens.expect(',')
    return [unit, ...tokens.commaSeparated(() => parseExpression(tokens))]
  }
  if (function_ === 'TRIM') return parseTrim(tokens)
  if (function_ === 'POSITION') {
    const part = parseOperand(tokens)
    if (!tokens.accept('IN')) tokens.expect(',')
    return [part, ...tokens.commaSeparated(() => parseExpression(tokens))]
  }
  const args = [...tokens.commaSeparated(() => parseExpression(tokens))]
  if ((function_ === 'FLOOR' || function_ === 'CEIL' || function_ === 'CEILING') && tokens.accept('TO')) args.push(parseUnit(tokens))
  if (function_ === 'SUBSTRING' && args.length === 1 && tokens.accept('FROM')) {
    args.push(parseExpression(tokens))
    if (tokens.accept('FOR')) args.push(parseExpression(tokens))
  }
  if (function_ === 'OVERLAY' && args.length === 1 && tokens.accept('PLACING')) {
    args.push(parseExpression(tokens))
    tokens.expect('FROM')
    args.push(parseExpression(tokens))
    if (tokens.accept('FOR')) args.push(parseExpression(tokens))
  }
  return args
}

function parseUnit(tokens: TokenStream): SymbolNode {
  const { token, at } = tokens
  for (const unit of TIME_UNITS) {
    if (token.kind === 'word' && token.upper === unit) {
      tokens.advance()
      return Object.freeze({ kind: 'symbol', at, name: unit })
    }
  }
  for (const unit of TIME_UNITS.slice(0, 8)) tokens.wish(unit)
  throw tokens.unexpected()
}

/** `x`, `c FROM x`, `BOTH FROM x`, `LEADING c FROM x`: always as mode, characters, text. `TRIM(x)` stays as it is. */
function parseTrim(tokens: TokenStream): ExpressionNode[] {
  const { at } = tokens
  const mode = ['BOTH', 'LEADING', 'TRAILING'].find((word) => tokens.accept(word))
  const symbol: SymbolNode = Object.freeze({ kind: 'symbol', at, name: mode ?? 'BOTH' })
  const blank: ExpressionNode = Object.freeze({ kind: 'string', at, value: ' ' })
  if (mode !== undefined && tokens.accept('FROM')) return [symbol, blank, parseExpression(tokens)]
  const first = parseExpression(tokens)
  if (tokens.accept('FROM')) return [symbol, first, parseExpression(tokens)]
  if (mode !== undefined) throw tokens.unexpected()
  return [first]
}

/** At `(`: the window of OVER or of a WINDOW clause. */
export function parseWindow(tokens: TokenStream): WindowNode {
  const { at } = tokens
  tokens.expect('(')
  const partitionBy = tokens.accept('PARTITION', 'BY') ? tokens.commaSeparated(() => parseExpression(tokens)) : []
  const orderBy = tokens.accept('ORDER', 'BY') ? tokens.commaSeparated(() => parseSortItem(tokens)) : []
  let frame: WindowNode['frame'] = null
  if (tokens.isAt('ROWS') || tokens.isAt('RANGE')) {
    const unit = tokens.advance().upper as 'ROWS' | 'RANGE'
    if (tokens.accept('BETWEEN')) {
      const start = parseFrameBound(tokens)
      tokens.expect('AND')
      frame = Object.freeze({ unit, start, end: parseFrameBound(tokens) })
    } else {
      frame = Object.freeze({ unit, start: parseFrameBound(tokens), end: null })
    }
  }
  tokens.expect(')')
  return Object.freeze({ kind: 'window', at, partitionBy: Object.freeze(partitionBy), orderBy: Object.freeze(orderBy), frame })
}

function parseFrameBound(tokens: TokenStream): FrameBound {
  if (tokens.accept('CURRENT', 'ROW')) return Object.freeze({ kind: 'CURRENT ROW', distance: null })
  const distance = tokens.accept('UNBOUNDED') ? null : parseExpression(tokens)
  const kind = tokens.accept('PRECEDING') ? 'PRECEDING' : (tokens.expect('FOLLOWING'), 'FOLLOWING' as const)
  return Object.freeze({ kind, distance })
}

/** `x [ASC | DESC] [NULLS FIRST | LAST]` */
export function parseSortItem(tokens: TokenStream): SortItemNode {
  const { at } = tokens
  const expression = parseExpression(tokens)
  const ascending = tokens.accept('ASC') || !tokens.accept('DESC')
  let nullsFirst: boolean | null = null
  if (tokens.accept('NULLS')) nullsFirst = tokens.accept('FIRST') || (tokens.expect('LAST'), false)
  return Object.freeze({ kind: 'sort-item', at, expression, ascending, nullsFirst })
}
