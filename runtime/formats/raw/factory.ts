/** Flink's `raw` format for files: a line is a row of one STRING column. (Binary values have no line ends to be cut at.) */
import type { FormatOption, TableFormat } from '../format.js'

const OPTIONS: readonly FormatOption[] = [
  {
    key: 'charset',
    description: 'UTF-8, the only one so far.',
    check: (value) => (/^utf-?8$/i.test(value.trim()) ? undefined : `must be UTF-8, not '${value}'`),
  },
]

export const rawFormat: TableFormat = {
  identifier: 'raw',
  options: OPTIONS,
  validate(_options, schema) {
    if (schema.fields.length === 1 && schema.fields[0]?.type.kind === 'VARCHAR') return undefined
    return "the 'raw' format only supports a single physical column, which must be a STRING in files"
  },
  splittable: () => true,
  async load() {
    const { RawDecoder, RawEncoder } = await import('./lines.js')
    return {
      createDecoder: (_schema, _options, _projection, fileStart) => new RawDecoder(fileStart),
      createEncoder: () => new RawEncoder(),
    }
  },
}
