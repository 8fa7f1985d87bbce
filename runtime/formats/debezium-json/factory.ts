/**
 * Flink's `debezium-json` format: a change of a row per line, `{"before":…,"after":…,"op":"c"}`. Read, an update becomes the row before and
 * the row after; written, every row that comes is a creation and every row that goes a deletion, as Flink writes them.
 */
import { projectSchema } from '#core/types/schema.js'
import { checkFlag, flag, type TableFormat } from '../format.js'
import { jsonFormat } from '../json/factory.js'
import { jsonDialect } from '../json/options.js'

export const debeziumJsonFormat: TableFormat = {
  identifier: 'debezium-json',
  changelog: true,
  options: [
    {
      key: 'schema-include',
      description: 'Each line holds the change as its member payload, beside its schema; for reading only. Default: false.',
      check: checkFlag,
    },
    // A member that is missing is NULL: whether it has to be there is not asked of changes.
    ...jsonFormat.options.filter(({ key }) => key !== 'fail-on-missing-field'),
  ],
  validate: (_options, schema) => (schema.fields.length === 0 ? 'a debezium-json table needs a column' : undefined),
  splittable: () => true,
  async load() {
    const [{ DebeziumJsonDecoder }, { DebeziumJsonEncoder }] = await Promise.all([import('./decoder.js'), import('./encoder.js')])
    return {
      createDecoder: (schema, options, projection, fileStart) =>
        new DebeziumJsonDecoder(
          projection === undefined ? schema : projectSchema(schema, projection),
          jsonDialect(options),
          flag(options, 'schema-include'),
          fileStart,
        ),
      createEncoder: (schema, options) => new DebeziumJsonEncoder(schema, jsonDialect(options)),
    }
  },
}
