/** Flink's `filesystem`: files in a directory, read once (bounded) or watched; written, and made visible with each checkpoint or at the end of the job. */
import { parseDuration } from '#core/config/units.js'
import type { TableConnector } from '../connector.js'
import { isDuration, isMemorySize, parallelismOf, parallelismOption } from '../option-checks.js'

export const filesystemConnector: TableConnector = {
  identifier: 'filesystem',
  options: [
    {
      key: 'path',
      required: true,
      description: 'a file or directory, local or in HDFS (hdfs://…)',
      check: (value) => (value.trim() === '' ? 'must not be empty' : undefined),
    },
    {
      key: 'source.path.regex-pattern',
      description: 'Only files whose whole path matches this regular expression are read.',
      check: isPattern,
    },
    {
      key: 'source.monitor-interval',
      description: 'How often the path is looked through for new files; the table then has no end. Default: it is read once.',
      check: isPositiveDuration,
    },
    {
      key: 'sink.rolling-policy.file-size',
      description: 'A new part file begins when one is this large. Default: 128 mb.',
      check: isMemorySize,
    },
    {
      key: 'sink.rolling-policy.rollover-interval',
      description: 'A new part file begins when one is this old. Default: 30 min.',
      check: isDuration,
    },
    parallelismOption('scan.parallelism'),
    parallelismOption('sink.parallelism'),
  ],
  formats: true,
  source: { bounded: (options) => options['source.monitor-interval'] === undefined },
  sink: { changelog: 'append' },
  parallelism: (options, use) => parallelismOf(options, use === 'source' ? 'scan.parallelism' : 'sink.parallelism'),
}

function isPositiveDuration(value: string): string | undefined {
  const millis = parseDuration(value)
  return millis !== undefined && millis >= 1 ? undefined : `must be a duration of at least 1 ms such as '10 s', not '${value}'`
}

function isPattern(value: string): string | undefined {
  try {
    new RegExp(value)
    return undefined
  } catch (error) {
    return `is no regular expression: ${error instanceof Error ? error.message : String(error)}`
  }
}
