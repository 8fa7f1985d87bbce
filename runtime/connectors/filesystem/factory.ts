/** Flink's `filesystem`: files in a directory, read once (bounded), or written and made visible when the job has ended. */
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
  source: { bounded: () => true },
  sink: { changelog: 'append' },
  parallelism: (options, use) => parallelismOf(options, use === 'source' ? 'scan.parallelism' : 'sink.parallelism'),
}

function isPattern(value: string): string | undefined {
  try {
    new RegExp(value)
    return undefined
  } catch (error) {
    return `is no regular expression: ${error instanceof Error ? error.message : String(error)}`
  }
}
