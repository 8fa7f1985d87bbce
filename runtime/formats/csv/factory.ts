/** Flink's `csv` format. Options and their meaning are Flink's (its CsvFormatOptions; Jackson's CSV rules below them). */
import { checkFlag, flag, type FormatOption, type FormatOptions, type TableFormat } from '../format.js'
import { isWritable } from './elements.js'
import { csvDialect, unescapeJava } from './options.js'

function checkCharacter(value: string): string | undefined {
  return /^[\x20-\x7e\t]$/.test(value) ? undefined : `must be one ASCII character, not '${value}'`
}

function checkDelimiter(value: string): string | undefined {
  const character = unescapeJava(value)
  // eslint-disable-next-line no-control-regex -- \u0001 is a common delimiter
  return /^[\u0000-\u007f]$/.test(character) && !/[\r\n]/.test(character)
    ? undefined
    : `must be one ASCII character (or an escape such as \\t or \\u0001), not '${value}'`
}

const OPTIONS: readonly FormatOption[] = [
  {
    key: 'field-delimiter',
    description: 'Character between fields; \\t and \\u0001 are understood. Default: a comma.',
    check: checkDelimiter,
  },
  {
    key: 'quote-character',
    description: 'Character around fields that hold delimiters, quotes or line ends. Default: ".',
    check: checkCharacter,
  },
  {
    key: 'disable-quote-character',
    description: 'Quotes are ordinary characters. Files are then read in parallel parts. Default: false.',
    check: checkFlag,
  },
  { key: 'escape-character', description: 'Character that makes the next one an ordinary one. Default: none.', check: checkCharacter },
  { key: 'null-literal', description: 'Text that stands for NULL, read and written. Default: none read, nothing written.' },
  {
    key: 'array-element-delimiter',
    description: 'Text between the elements of an ARRAY or the fields of a ROW, which hold plain values only. Default: ;',
    check: (value) => (value === '' ? 'must not be empty' : undefined),
  },
  { key: 'allow-comments', description: 'Lines that begin with # are skipped. Default: false.', check: checkFlag },
  {
    key: 'ignore-parse-errors',
    description: 'Fields that cannot be read become NULL, rows that cannot be read are skipped. Default: false.',
    check: checkFlag,
  },
  { key: 'empty-string-as-null', description: 'An empty field is NULL. Default: false.', check: checkFlag },
  { key: 'trim-spaces', description: 'Blanks around fields are dropped. Default: false.', check: checkFlag },
  { key: 'write-bigdecimal-in-scientific-notation', description: 'DECIMAL 0.0000001 is written 1E-7. Default: true.', check: checkFlag },
]

export const csvFormat: TableFormat = {
  identifier: 'csv',
  options: OPTIONS,
  validate(options, schema) {
    if (flag(options, 'disable-quote-character') && options['quote-character'] !== undefined) {
      return "'csv.quote-character' and 'csv.disable-quote-character' cannot be used together"
    }
    const { delimiter, quote, escape } = csvDialect(options)
    if (delimiter === quote || delimiter === escape) return 'the field delimiter must not be the quote or the escape character'
    const odd = schema.fields.find(({ type }) => !isWritable(type))
    if (odd !== undefined)
      return `the csv format has no ${odd.type.kind}${odd.type.kind === 'ARRAY' || odd.type.kind === 'ROW' ? ' of values that have parts themselves' : ''} ('${odd.name}')`
    return schema.fields.length === 0 ? 'a csv table needs a column' : undefined
  },
  splittable,
  async load() {
    const [{ CsvDecoder }, { CsvEncoder }] = await Promise.all([import('./decoder.js'), import('./encoder.js')])
    return {
      createDecoder: (schema, options, projection, fileStart) => new CsvDecoder(schema, csvDialect(options), projection, fileStart),
      createEncoder: (schema, options) => new CsvEncoder(schema, csvDialect(options)),
    }
  },
}

/** A quoted or an escaped newline belongs to a field, so only without both does every newline end a row. */
function splittable(options: FormatOptions): boolean {
  const { quote, escape } = csvDialect(options)
  return quote === -1 && escape === -1
}
