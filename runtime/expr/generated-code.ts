/**
 * The only place in the product where text that it wrote becomes code (user-functions.ts imports modules that users wrote). The text comes
 * from the emitter alone: fixed words, numbered identifiers and small integers. No literal, name or pattern of a user's query is in it;
 * those are values in the constants table.
 */

/** What generated text may consist of. Quotes, back-ticks, backslashes and everything outside ASCII never occur. */
const PERMITTED = /^[\w\s$[\](){}.,;:?=<>!&|+\-*/%~]*$/

/**
 * A function from generated text. `constants[i]` is `k<i>` in the text.
 * @param parameters names of the function's parameters, generated too.
 */
export function instantiate<F extends (...args: never[]) => unknown>(
  parameters: readonly string[],
  body: string,
  constants: readonly unknown[],
): F {
  if (!PERMITTED.test(body)) throw new Error('generated code holds a character that the emitter never writes')
  const names = constants.map((_, i) => `k${i}`)
  // oxlint-disable-next-line typescript/no-implied-eval -- the one place
  const create = new Function(...names, `return function (${parameters.join(', ')}) {\n${body}\n}`) as (...values: unknown[]) => F
  return create(...constants)
}
