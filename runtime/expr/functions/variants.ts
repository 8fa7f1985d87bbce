/** JSON texts to values of VARIANT (../variant.ts), as Flink's. What `v[1]` and `v['key']` give is ITEM's (collections.ts). */
import { withNullable, VARIANT, type Value } from '#core/types/logical-type.js'
import { EvaluationFailure } from '../evaluation.js'
import { parseVariant } from '../variant.js'
import { matchArguments, type FunctionDefinition } from './definition.js'

const MOST_TEXT = 100

/** `tried`: what is no JSON is NULL. */
function parsing(name: string, tried: boolean): FunctionDefinition {
  return {
    name,
    nulls: 'strict',
    resolve(argTypes) {
      const matched = matchArguments(name, 'S?B', argTypes)
      if ('problem' in matched) return matched
      return { argTypes: matched.argTypes, type: withNullable(VARIANT, tried || matched.argTypes.some(({ nullable }) => nullable)) }
    },
    bind: () => (text: string, duplicates: Value) => {
      const variant = parseVariant(text, duplicates === true)
      if (variant !== undefined || tried) return variant ?? null
      const shown = text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}…` : text
      throw new EvaluationFailure(
        `Failed to parse json string: '${shown}'. TRY_PARSE_JSON gives NULL for what is no JSON, or has a key twice.`,
      )
    },
  }
}

export const VARIANTS: readonly FunctionDefinition[] = [parsing('PARSE_JSON', false), parsing('TRY_PARSE_JSON', true)]
