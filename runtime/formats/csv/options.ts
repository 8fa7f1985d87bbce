/** What the options of a csv table mean, checked and in the form decoder and encoder use. */
import { flag, type FormatOptions } from '../format.js'

/** Characters are single bytes (ASCII); -1: there is none. */
export interface CsvDialect {
  readonly delimiter: number
  readonly quote: number
  readonly escape: number
  readonly nullLiteral: string | undefined
  readonly allowComments: boolean
  readonly ignoreParseErrors: boolean
  readonly emptyStringAsNull: boolean
  readonly trimSpaces: boolean
  readonly scientificDecimals: boolean
  /** Between the elements of an array or row. */
  readonly elementDelimiter: string
}

/** Java's escapes in a field-delimiter: `\t`, `\u0001`, … */
export function unescapeJava(text: string): string {
  return text.replace(/\\(?:u+([0-9a-fA-F]{4})|([0-7]{1,3})|(.))/gs, (_, unicode?: string, octal?: string, other?: string) => {
    if (unicode !== undefined) return String.fromCharCode(parseInt(unicode, 16))
    if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8))
    return { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' }[other ?? ''] ?? other ?? ''
  })
}

export function csvDialect(options: FormatOptions): CsvDialect {
  const byte = (text: string | undefined, absent: number) => (text === undefined ? absent : text.charCodeAt(0))
  return {
    delimiter: byte(options['field-delimiter'] === undefined ? undefined : unescapeJava(options['field-delimiter']), 44),
    quote: flag(options, 'disable-quote-character') ? -1 : byte(options['quote-character'], 34),
    escape: byte(options['escape-character'], -1),
    nullLiteral: options['null-literal'],
    allowComments: flag(options, 'allow-comments'),
    ignoreParseErrors: flag(options, 'ignore-parse-errors'),
    emptyStringAsNull: flag(options, 'empty-string-as-null'),
    trimSpaces: flag(options, 'trim-spaces'),
    elementDelimiter: options['array-element-delimiter'] ?? ';',
    scientificDecimals: flag(options, 'write-bigdecimal-in-scientific-notation', true),
  }
}
