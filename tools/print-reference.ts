/** Prints docs/reference/configuration.md from the declared options. */
import { writeFileSync } from 'node:fs'
import '#core/config/configuration.js'
import { declaredOptions } from '#core/config/option.js'

const rows = declaredOptions().map((option) => {
  const fallback = option.default === undefined ? '(none)' : option.type.format(option.default)
  const old = option.deprecatedKeys.length === 0 ? '' : ` Older: ${option.deprecatedKeys.map((key) => `\`${key}\``).join(', ')}.`
  return `| \`${option.key}\` | ${fallback === '' ? '(empty)' : fallback} | ${option.type.name.replaceAll('|', '\\|')} | ${option.description}${old} |`
})
const text = `# Configuration
Printed from the declarations in \`core/config/options\` by \`make reference\`. Keys, types and defaults are Flink's unless said.
Keys of Flink that are not in this list (they steer a JVM, RocksDB, Pekko, parts that Weft does not have) are accepted, and the command names those that have no effect.

| key | default | type | meaning |
| --- | --- | --- | --- |
${rows.join('\n')}
`
writeFileSync(new URL('../../docs/reference/configuration.md', import.meta.url), text)
process.stdout.write(`docs/reference/configuration.md: ${rows.length} options\n`)
