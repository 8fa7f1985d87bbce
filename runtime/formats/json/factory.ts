/** Flink's `json` format: one object per line. Options and their meaning are Flink's (its JsonFormatOptions). */
import type { LogicalType } from '#core/types/logical-type.js'
import { projectSchema } from '#core/types/schema.js'
import { checkFlag, flag, type FormatOption, type TableFormat } from '../format.js'
import { jsonDialect, MODES } from './options.js'

const OPTIONS: readonly FormatOption[] = [
  {
    key: 'fail-on-missing-field',
    description: 'A row without one of the fields is an error, else the field is NULL. Default: false.',
    check: checkFlag,
  },
  {
    key: 'ignore-parse-errors',
    description: 'Fields that cannot be read become NULL, rows that cannot be read are skipped. Default: false.',
    check: checkFlag,
  },
  {
    key: 'timestamp-format.standard',
    description: 'SQL: 2024-01-02 03:04:05.123; ISO-8601: 2024-01-02T03:04:05.123. TIMESTAMP_LTZ ends with Z in both. Default: SQL.',
    check: (value) => (value === 'SQL' || value === 'ISO-8601' ? undefined : `must be SQL or ISO-8601, not '${value}'`),
  },
  {
    key: 'map-null-key.mode',
    description: 'A map with a NULL key: FAIL, DROP the entry, or LITERAL: write it under map-null-key.literal. Default: FAIL.',
    check: (value) =>
      MODES.some((mode) => mode === value.trim().toUpperCase()) ? undefined : `must be FAIL, DROP or LITERAL, not '${value}'`,
  },
  { key: 'map-null-key.literal', description: 'What a NULL key is written as with the mode LITERAL. Default: null.' },
  { key: 'encode.decimal-as-plain-number', description: 'DECIMAL 0.0000001 is written so, else 1E-7. Default: false.', check: checkFlag },
  { key: 'encode.ignore-null-fields', description: 'Fields that are NULL are left out. Default: false.', check: checkFlag },
]

export const jsonFormat: TableFormat = {
  identifier: 'json',
  options: OPTIONS,
  validate(options, schema) {
    if (flag(options, 'fail-on-missing-field') && flag(options, 'ignore-parse-errors')) {
      return "'json.fail-on-missing-field' and 'json.ignore-parse-errors' should not both be true"
    }
    const map = schema.fields.find(({ type }) => hasOddKeys(type))
    if (map !== undefined) return `the json format has no maps with keys other than strings ('${map.name}')`
    return schema.fields.length === 0 ? 'a json table needs a column' : undefined
  },
  splittable: () => true,
  async load() {
    const [{ JsonDecoder }, { JsonEncoder }] = await Promise.all([import('./decoder.js'), import('./encoder.js')])
    return {
      createDecoder: (schema, options, projection, fileStart) =>
        new JsonDecoder(projection === undefined ? schema : projectSchema(schema, projection), jsonDialect(options), fileStart),
      createEncoder: (schema, options) => new JsonEncoder(schema, jsonDialect(options)),
    }
  },
}

/** An object of JSON has texts for keys, as Flink insists. */
function hasOddKeys(type: LogicalType): boolean {
  switch (type.kind) {
    case 'ARRAY':
      return hasOddKeys(type.element)
    case 'MAP':
      return type.key.kind !== 'VARCHAR' || hasOddKeys(type.value)
    case 'MULTISET':
      return type.element.kind !== 'VARCHAR'
    case 'ROW':
      return type.fields.some((field) => hasOddKeys(field.type))
    default:
      return false
  }
}
