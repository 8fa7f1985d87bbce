/** Functions on DOUBLE, after java.lang.Math. */
import { DOUBLE } from '#core/types/logical-type.js'
import { strict, type FunctionDefinition } from './definition.js'

function ofOne(name: string, compute: (a: number) => number, javascript: string): FunctionDefinition {
  return strict(name, 'D', DOUBLE, () => compute, { inline: () => (a) => `${javascript}(${a})` })
}

/** Without a form of their own in generated code: rare. */
function rare(name: string, compute: (a: number) => number): FunctionDefinition {
  return strict(name, 'D', DOUBLE, () => compute)
}

export const MATH: readonly FunctionDefinition[] = [
  ofOne('SQRT', Math.sqrt, 'Math.sqrt'),
  ofOne('EXP', Math.exp, 'Math.exp'),
  ofOne('LN', Math.log, 'Math.log'),
  ofOne('LOG10', Math.log10, 'Math.log10'),
  ofOne('LOG2', Math.log2, 'Math.log2'),
  strict('POWER', 'DD', DOUBLE, () => (a: number, b: number) => a ** b, { inline: () => (a, b) => `Math.pow(${a}, ${b})` }),
  // LOG(x) is the natural one, LOG(base, x) to a base.
  strict('LOG', 'D?D', DOUBLE, ({ argTypes }) =>
    argTypes.length === 1 ? Math.log : (base: number, x: number) => Math.log(x) / Math.log(base),
  ),
  strict('PI', '', DOUBLE, () => () => Math.PI),
  strict('E', '', DOUBLE, () => () => Math.E),
  strict('ATAN2', 'DD', DOUBLE, () => Math.atan2),
  rare('SIN', Math.sin),
  rare('COS', Math.cos),
  rare('TAN', Math.tan),
  rare('COT', (a) => 1 / Math.tan(a)),
  rare('ASIN', Math.asin),
  rare('ACOS', Math.acos),
  rare('ATAN', Math.atan),
  rare('SINH', Math.sinh),
  rare('COSH', Math.cosh),
  rare('TANH', Math.tanh),
  rare('DEGREES', (a) => (a * 180) / Math.PI),
  rare('RADIANS', (a) => (a / 180) * Math.PI),
]
