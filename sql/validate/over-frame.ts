/** ROWS and RANGE of an OVER clause. */
import type { Expression } from '#core/graph/expression.js'
import type { Frame } from '#core/graph/operator-spec.js'
import { isNumeric } from '#runtime/expr/type-rules.js'
import type { ExpressionNode, FrameBound, WindowNode } from '../parser/ast-expression.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { ExpressionContext } from './bind-expression.js'
import { intervalLiteral } from './literals.js'

/** The window's frame; without one, all rows up to this one and those of its order, or the whole partition where there is no order. */
export function frameOf(window: WindowNode, order: readonly Expression[], { source }: Pick<ExpressionContext, 'source'>): Frame {
  const { frame } = window
  if (frame === null) return { unit: 'RANGE', start: null, end: order.length === 0 ? null : 0 }
  const { unit } = frame
  if (unit === 'RANGE' && order.length === 0)
    throw validationError(source, window.at, 'Window specification must contain an ORDER BY clause.')
  const distance = (node: ExpressionNode): number => {
    if (unit === 'ROWS') {
      if (node.kind === 'number' && /^\d{1,9}$/.test(node.text)) return Number(node.text)
      throw validationError(source, node.at, 'ROWS counts rows: a whole number is needed.')
    }
    if (order.length > 1) throw validationError(source, node.at, 'RANGE clause cannot be used with compound ORDER BY clause.')
    const { kind } = (order[0] as Expression).type
    if (kind === 'TIMESTAMP' || kind === 'TIMESTAMP_LTZ') {
      if (node.kind !== 'interval') throw mismatch(node)
      const { unit: of, amount } = intervalLiteral(source, node)
      if (of === 'MONTHS') throw notSupported(source, node.at, 'RANGE over months.', 'Give the interval in days.')
      if (amount < 0) throw validationError(source, node.at, 'RANGE takes an interval that is not negative.')
      return amount
    }
    if (!isNumeric((order[0] as Expression).type) || node.kind !== 'number') throw mismatch(node)
    if (kind === 'DECIMAL') throw notSupported(source, node.at, 'RANGE with a distance over a DECIMAL.')
    const amount = Number(node.text)
    if (!Number.isSafeInteger(amount) && kind !== 'DOUBLE' && kind !== 'FLOAT')
      throw validationError(source, node.at, `RANGE over a ${kind} takes a whole number.`)
    return amount
  }
  const mismatch = (node: ExpressionNode) => validationError(source, node.at, 'Data Type mismatch between ORDER BY and RANGE clause.')
  const place = ({ kind, distance: node }: FrameBound, unbounded: FrameBound['kind']): number | null => {
    if (kind === 'CURRENT ROW') return 0
    if (node !== null) return kind === 'PRECEDING' ? -distance(node) || 0 : distance(node)
    if (kind === unbounded) return null
    const [other, bound] = unbounded === 'PRECEDING' ? ['FOLLOWING', 'lower'] : ['PRECEDING', 'upper']
    throw validationError(source, window.at, `UNBOUNDED ${other} cannot be specified for the ${bound} frame boundary.`)
  }
  const start = place(frame.start, 'PRECEDING')
  const end = frame.end === null ? 0 : place(frame.end, 'FOLLOWING')
  if (start !== null && end !== null && start > end)
    throw validationError(source, window.at, 'The frame ends before it begins.', 'Write BETWEEN the earlier row AND the later one.')
  return { unit, start, end }
}
