import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import type { ExpressionNode } from '#sql/parser/ast-expression.js'
import type { SelectNode } from '#sql/parser/ast-query.js'
import { parseSingleStatement } from '#sql/parser/parse-statement.js'
import { printExpression } from './print-expression.js'

function parse(text: string): ExpressionNode {
  const statement = parseSingleStatement(`SELECT ${text}`)
  if (statement.kind !== 'select-statement') throw new Error('not a SELECT')
  return ((statement.query.body as SelectNode).items[0] as SelectNode['items'][number]).expression
}

/** The tree without places. */
function bare(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(bare)
  if (typeof node !== 'object' || node === null) return node
  return Object.fromEntries(
    Object.entries(node)
      .filter(([key]) => key !== 'at')
      .map(([key, value]) => [key, bare(value)]),
  )
}

const at = { offset: 0, line: 1, column: 1 }
const leaf: fc.Arbitrary<ExpressionNode> = fc.oneof(
  fc.constantFrom('0', '12', '1.50', '.5', '1e3', '7E-2').map((text): ExpressionNode => ({ kind: 'number', at, text })),
  fc.string({ unit: 'grapheme', maxLength: 8 }).map((value): ExpressionNode => ({ kind: 'string', at, value })),
  fc.boolean().map((value): ExpressionNode => ({ kind: 'boolean', at, value })),
  fc.constant<ExpressionNode>({ kind: 'null', at }),
  fc.constant<ExpressionNode>({ kind: 'temporal', at, type: 'DATE', text: '2020-01-01' }),
  fc.constantFrom<ExpressionNode>(
    { kind: 'interval', at, negative: false, text: '5', from: 'SECOND', to: null },
    { kind: 'interval', at, negative: true, text: '1 2', from: 'DAY', to: 'HOUR' },
  ),
  fc
    .array(fc.constantFrom('a', 'b c', 'select', 'x`y', '日'), { minLength: 1, maxLength: 3 })
    .map((path): ExpressionNode => ({ kind: 'column', at, path: path.map((text) => ({ text, at })) })),
)

const { tree } = fc.letrec<{ tree: ExpressionNode }>((tie) => {
  const sub = tie('tree')
  const call = (name: string, args: readonly ExpressionNode[], more: object = {}): ExpressionNode => ({
    kind: 'call',
    at,
    name: [{ text: name, at }],
    args,
    star: false,
    distinct: false,
    filter: null,
    over: null,
    withinGroup: [],
    nulls: null,
    ...more,
  })
  return {
    tree: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc
        .tuple(fc.constantFrom('OR', 'AND', '=', '<>', '<', '<=', '>', '>=', '+', '-', '*', '/', '%', '||'), sub, sub)
        .map(([operator, left, right]) => ({ kind: 'binary', at, operator, left, right }) as ExpressionNode),
      fc.tuple(fc.constantFrom('+', '-', 'NOT'), sub).map(([operator, arg]) => ({ kind: 'unary', at, operator, arg }) as ExpressionNode),
      fc
        .tuple(sub, fc.constantFrom('NULL', 'TRUE', 'FALSE', 'UNKNOWN'), fc.boolean())
        .map(([arg, truth, negated]) => ({ kind: 'is', at, arg, truth, negated }) as ExpressionNode),
      fc
        .tuple(sub, sub, fc.boolean())
        .map(([left, right, negated]): ExpressionNode => ({ kind: 'distinct-from', at, left, right, negated })),
      fc
        .tuple(sub, sub, sub, fc.boolean(), fc.boolean())
        .map(([arg, low, high, negated, symmetric]): ExpressionNode => ({ kind: 'between', at, arg, low, high, negated, symmetric })),
      fc
        .tuple(sub, fc.array(sub, { minLength: 1, maxLength: 3 }), fc.boolean())
        .map(([arg, list, negated]): ExpressionNode => ({ kind: 'in-list', at, arg, list, negated })),
      fc
        .tuple(fc.constantFrom('LIKE', 'SIMILAR TO'), sub, sub, fc.option(sub), fc.boolean())
        .map(
          ([operator, arg, pattern, escape, negated]) => ({ kind: 'like', at, operator, arg, pattern, escape, negated }) as ExpressionNode,
        ),
      fc
        .tuple(fc.option(sub), fc.array(fc.record({ when: sub, then: sub }), { minLength: 1, maxLength: 2 }), fc.option(sub))
        .map(([operand, branches, otherwise]): ExpressionNode => ({ kind: 'case', at, operand, branches, otherwise })),
      fc
        .tuple(
          sub,
          fc.boolean(),
          fc.constantFrom<[string, number[]]>(['INT', []], ['DECIMAL', [10, 2]], ['VARCHAR', [5]], ['TIMESTAMP_LTZ', [3]]),
        )
        .map(([arg, safe, [name, parameters]]): ExpressionNode => ({
          kind: 'cast',
          at,
          arg,
          safe,
          type: { kind: 'type', at, name, parameters, elements: [], fields: [], nullable: true },
        })),
      fc
        .tuple(
          fc.constantFrom('UPPER', 'COUNT', 'IF', 'coalesce', 'SUBSTRING'),
          fc.array(sub, { minLength: 1, maxLength: 3 }),
          fc.boolean(),
          fc.option(sub),
        )
        .map(([name, args, distinct, filter]) => call(name, args, { distinct, filter })),
      fc.option(sub).map((filter) => call('COUNT', [], { star: true, filter })),
      sub.map((arg) => call('EXTRACT', [{ kind: 'symbol', at, name: 'YEAR' }, arg])),
      sub.map((arg) => call('FLOOR', [arg, { kind: 'symbol', at, name: 'HOUR' }])),
      fc.tuple(sub, sub).map((args) => call('POSITION', args)),
      fc
        .tuple(fc.constantFrom('BOTH', 'LEADING', 'TRAILING'), sub, sub)
        .map(([mode, chars, arg]) => call('TRIM', [{ kind: 'symbol', at, name: mode }, chars, arg])),
    ),
  }
})

describe('expressions', () => {
  it('come back as the same tree when printed and read again', () => {
    fc.assert(
      fc.property(tree, (node) => {
        expect(bare(parse(printExpression(node)))).to.deep.equal(bare(node))
      }),
      { numRuns: 300 },
    )
  })

  const shapes: readonly [text: string, printed: string][] = [
    ['1 + 2 * 3 - 4', '((1 + (2 * 3)) - 4)'],
    ['a OR b AND NOT c = d', '(`a` OR (`b` AND (NOT (`c` = `d`))))'],
    ['a = b AND c BETWEEN 1 AND 2 AND d', '(((`a` = `b`) AND (`c` BETWEEN 1 AND 2)) AND `d`)'],
    ['- a * b', '((- `a`) * `b`)'],
    ['a || b = c', '((`a` || `b`) = `c`)'],
    ['a IS NOT NULL = b', '((`a` IS NOT NULL) = `b`)'],
    ['NOT a IN (1, 2)', '(NOT (`a` IN (1, 2)))'],
    ["a NOT LIKE 'x' ESCAPE '!' OR b", "((`a` NOT LIKE 'x' ESCAPE '!') OR `b`)"],
    ['a - b - c', '((`a` - `b`) - `c`)'],
    ["ts - INTERVAL '5' SECONDS", "(`ts` - (INTERVAL '5' SECOND))"],
    ['SUBSTRING(x FROM 2 FOR 3)', 'SUBSTRING(`x`, 2, 3)'],
    ["TRIM(x), TRIM(' ' FROM x)", 'TRIM(`x`)'],
    ['POSITION(a || b IN c)', 'POSITION((`a` || `b`) IN `c`)'],
    ['arr[1][2]', '`arr`[1][2]'],
  ]
  for (const [text, printed] of shapes) {
    it(`${text} is ${printed}`, () => {
      expect(printExpression(parse(text))).to.equal(printed)
    })
  }
})
