/** Flink's `json` format: one object per line. Options and their meaning are Flink's (its JsonFormatOptions). */
import { projectSchema } from '#core/types/schema.js'
import { checkFlag, flag, type FormatOption, type TableFormat } from '../format.js'
import { jsonDialect } from './options.js'

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
