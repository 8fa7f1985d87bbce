/**
 * Regular expressions in Java's syntax, run by JavaScript's engine. What both share is passed on; what Java writes otherwise is
 * rewritten; what JavaScript cannot do fails by name instead of matching something else.
 */
import { EvaluationFailure } from './evaluation.js'

const MAX_PATTERN_LENGTH = 10_000

const POSIX: Record<string, string> = {
  Lower: 'a-z',
  Upper: 'A-Z',
  ASCII: '\\x00-\\x7F',
  Alpha: 'a-zA-Z',
  Digit: '0-9',
  Alnum: 'a-zA-Z0-9',
  Punct: '!-\\/:-@\\[-`{-~',
  Graph: '!-~',
  Print: ' -~',
  Blank: ' \\t',
  Cntrl: '\\x00-\\x1F\\x7F',
  XDigit: '0-9a-fA-F',
  Space: '\\s',
}
const JAVA_ESCAPES: Record<string, string> = {
  A: '(?<![\\s\\S])',
  z: '(?![\\s\\S])',
  Z: '(?=\\n?(?![\\s\\S]))',
  h: '[ \\t\\xA0]',
  R: '(?:\\r\\n|[\\n\\r\\u2028\\u2029])',
  e: '\\x1B',
  a: '\\x07',
}

/** @throws EvaluationFailure when the pattern is wrong or needs what JavaScript lacks. */
export function compileJavaRegex(pattern: string, flags = ''): RegExp {
  if (pattern.length > MAX_PATTERN_LENGTH)
    throw new EvaluationFailure(`regular expression of ${pattern.length} characters; the most is ${MAX_PATTERN_LENGTH}`)
  const { source, ignoreCase, dotAll, multiline } = translate(pattern)
  try {
    return new RegExp(source, `${flags}u${ignoreCase ? 'i' : ''}${dotAll ? 's' : ''}${multiline ? 'm' : ''}`)
  } catch (cause) {
    throw new EvaluationFailure(
      `invalid regular expression '${pattern}': ${cause instanceof Error ? cause.message.replace(/^.*\/: ?/, '') : ''}`,
      { cause },
    )
  }
}

function translate(pattern: string): { source: string; ignoreCase: boolean; dotAll: boolean; multiline: boolean } {
  const unsupported = (what: string): never => {
    throw new EvaluationFailure(`regular expression '${pattern}': ${what} cannot be used here`)
  }
  const leading = /^\(\?([a-zA-Z]+)\)/.exec(pattern)?.[1] ?? ''
  if (/[^ism]/.test(leading)) unsupported(`the flag (?${leading})`)
  let source = ''
  let depthOfClass = 0
  /** What was just read says how often; a plus after it would make it possessive. */
  let quantified = false
  for (let i = leading === '' ? 0 : leading.length + 3; i < pattern.length; i++) {
    const character = pattern[i] as string
    const afterQuantifier: boolean = quantified
    quantified = false
    if (character === '\\') {
      const next = pattern[++i]
      if (next === undefined) unsupported('a backslash at the end')
      else if (next === 'Q') {
        const end = pattern.indexOf('\\E', i + 1)
        const quoted = pattern.slice(i + 1, end < 0 ? undefined : end)
        source += quoted.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
        i = end < 0 ? pattern.length : end + 1
      } else if ((next === 'p' || next === 'P') && pattern[i + 1] === '{') {
        const end = pattern.indexOf('}', i)
        const name = pattern.slice(i + 2, end).replace(/^Is/, '')
        const posix = POSIX[name]
        if (posix === undefined) source += `\\${next}{${name}}`
        else if (next === 'p') source += depthOfClass > 0 ? posix : `[${posix}]`
        else if (depthOfClass > 0) unsupported(`\\P{${name}} in a class`)
        else source += `[^${posix}]`
        i = end < 0 ? pattern.length : end
      } else if (JAVA_ESCAPES[next] !== undefined) {
        if (depthOfClass > 0) source += next === 'h' ? ' \\t\\xA0' : next === 'e' ? '\\x1B' : unsupported(`\\${next} in a class`)
        else source += JAVA_ESCAPES[next]
      } else if (next === 'G' || next === 'X' || next === 'N') unsupported(`\\${next}`)
      // Java lets any character that is no letter be escaped; JavaScript's u flag only those with a meaning.
      else if (/[\^$\\.*+?()[\]{}|/]/.test(next) || /[a-zA-Z0-9]/.test(next)) source += `\\${next}`
      else if (next === '-' && depthOfClass > 0) source += '\\-'
      else source += next
      continue
    }
    if (depthOfClass > 0) {
      if (character === '[') unsupported('a class within a class')
      if (character === '&' && pattern[i + 1] === '&') unsupported('an intersection of classes')
      if (character === ']') depthOfClass--
      source += character
      continue
    }
    if (character === '[') {
      depthOfClass++
      source += '['
      if (pattern[i + 1] === '^') source += pattern[++i]
      // A bracket first in a class is a plain character in Java.
      if (pattern[i + 1] === ']') {
        source += '\\]'
        i++
      }
      continue
    }
    if (character === '(' && pattern[i + 1] === '?') {
      const kind = pattern.slice(i + 2, i + 4)
      if (kind.startsWith('>')) unsupported('an atomic group')
      if (!/^(?:[:=!]|<[=!a-zA-Z])/.test(kind)) unsupported('flags within the pattern')
    }
    if (character === '+' && afterQuantifier) unsupported('a possessive quantifier')
    const closesCount = character === '}' && /\{\d+(?:,\d*)?$/.test(pattern.slice(0, i))
    quantified = closesCount || (/[*+?]/.test(character) && !afterQuantifier)
    // Lone braces and brackets are plain characters in Java.
    source += character === ']' || (character === '}' && !closesCount) ? `\\${character}` : character
  }
  return { source, ignoreCase: leading.includes('i'), dotAll: leading.includes('s'), multiline: leading.includes('m') }
}

/** A replacement in Java's syntax: `$1` is a group, a backslash makes the next character plain. */
export function compileJavaReplacement(replacement: string): (groups: readonly (string | undefined)[]) => string {
  const parts: (string | number)[] = []
  for (let i = 0; i < replacement.length; i++) {
    const character = replacement[i] as string
    if (character === '\\') {
      const next = replacement[++i]
      if (next === undefined) throw new EvaluationFailure('character to be escaped is missing')
      parts.push(next)
    } else if (character === '$') {
      const digit = replacement[++i]
      if (digit === undefined || digit < '0' || digit > '9') throw new EvaluationFailure('Illegal group reference')
      parts.push(Number(digit))
    } else parts.push(character)
  }
  return (groups) => {
    let text = ''
    for (const part of parts) {
      if (typeof part === 'string') text += part
      else if (part < groups.length) text += groups[part] ?? ''
      else throw new EvaluationFailure(`No group ${part}`)
    }
    return text
  }
}
