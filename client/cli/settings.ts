/**
 * The configuration of a command: conf/config.yaml (weakest), then `-D`, then the verb's own switches. Every key and value is
 * checked before anything else happens.
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parse as parseYaml } from 'yaml'
import { Configuration } from '#core/config/configuration.js'
import { defineError } from '#core/errors/define-error.js'

export const ConfigurationFileInvalid = defineError('CLI_CONFIG_FILE_INVALID', {
  recovery: 'none',
  message: (d: { file: string; problem: string }) => `${d.file}: ${d.problem}`,
})
export const MalformedProperty = defineError('CLI_MALFORMED_PROPERTY', {
  recovery: 'none',
  message: (d: { text: string }) => `-D takes key=value, not '${d.text}'`,
})

const MAX_CONFIG_BYTES = 1024 * 1024

/** Folder of config.yaml: WEFT_CONF_DIR, FLINK_CONF_DIR, or `conf` beside the installed program. */
export function configurationFile(environment: NodeJS.ProcessEnv, installation: string): string | undefined {
  const named = environment['WEFT_CONF_DIR'] ?? environment['FLINK_CONF_DIR']
  const file = join(named ?? join(installation, 'conf'), 'config.yaml')
  return existsSync(file) ? file : undefined
}

/** @throws CLI_CONFIG_FILE_INVALID, CONFIG_UNKNOWN_OPTION, CONFIG_INVALID_VALUE */
export function readConfigurationFile(file: string): Configuration {
  if (statSync(file).size > MAX_CONFIG_BYTES) throw new ConfigurationFileInvalid({ file, problem: `larger than ${MAX_CONFIG_BYTES} bytes` })
  let document: unknown
  try {
    document = parseYaml(readFileSync(file, 'utf8'), { maxAliasCount: 100 })
  } catch (error) {
    throw new ConfigurationFileInvalid({ file, problem: error instanceof Error ? error.message : String(error) }, { cause: error })
  }
  const values: Record<string, string> = {}
  flatten(document ?? {}, '', values, file)
  const configuration = Configuration.of(values)
  configuration.validate(file)
  return configuration
}

/** Nested maps become dotted keys, lists Flink's `a;b`. */
function flatten(node: unknown, prefix: string, into: Record<string, string>, file: string): void {
  if (Array.isArray(node)) into[prefix] = node.map(String).join(';')
  else if (typeof node === 'object' && node !== null) {
    for (const [key, value] of Object.entries(node)) flatten(value, prefix === '' ? key : `${prefix}.${key}`, into, file)
  } else if (prefix === '') throw new ConfigurationFileInvalid({ file, problem: 'not a map of keys to values' })
  else if (node !== null && node !== undefined) into[prefix] = String(node as string | number | boolean)
}

/** `-D key=value` options. @throws CLI_MALFORMED_PROPERTY, CONFIG_UNKNOWN_OPTION, CONFIG_INVALID_VALUE */
export function dynamicProperties(properties: readonly string[]): Record<string, string> {
  const values: Record<string, string> = {}
  for (const property of properties) {
    const equals = property.indexOf('=')
    if (equals <= 0) throw new MalformedProperty({ text: property })
    values[property.slice(0, equals).trim()] = property.slice(equals + 1).trim()
  }
  Configuration.of(values).validate('-D')
  return values
}

export function commandConfiguration(
  properties: readonly string[],
  switches: Readonly<Record<string, string>>,
  installation: string,
): Configuration {
  const file = configurationFile(process.env, installation)
  const base = file === undefined ? Configuration.empty : readConfigurationFile(file)
  return base.with(dynamicProperties(properties)).with(switches)
}
