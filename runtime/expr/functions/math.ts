/** Functions on DOUBLE, after java.lang.Math. */
import { DOUBLE } from '#core/types/logical-type.js'
import { strict, type FunctionDefinition } from './definition.js'

function ofOne(name: string, compute: (a: number) => number, javascript: string): FunctionDefinition {
  return strict(name, 'D', DOUBLE, () => compute, { inline: () => (a) => `${javascript}(${a})` })
}

export const MATH: readonly FunctionDefinition[] = [
  ofOne('SQRT', Math.sqrt, 'Math.sqrt'),
  ofOne('EXP', Math.exp, 'Math.exp'),
  ofOne('LN', Math.log, 'Math.log'),
  ofOne('LOG10', Math.log10, 'Math.log10'),
  ofOne('LOG2', Math.log2, 'Math.log2'),
  strict('POWER', 'DD', DOUBLE, () => (a: number, b: number) => a ** b, { inline: () => (a, b) => `Math.pow(${a}, ${b})` }),
]
