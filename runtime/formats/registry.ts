/** All formats. A new one is added here, and nowhere else. */
import { csvFormat } from './csv/factory.js'
import { debeziumJsonFormat } from './debezium-json/factory.js'
import type { TableFormat } from './format.js'
import { jsonFormat } from './json/factory.js'
import { rawFormat } from './raw/factory.js'

const FORMATS: readonly TableFormat[] = [csvFormat, jsonFormat, rawFormat, debeziumJsonFormat]

export function findFormat(identifier: string): TableFormat | undefined {
  return FORMATS.find((format) => format.identifier === identifier)
}

export function formatNames(): string[] {
  return FORMATS.map((format) => format.identifier)
}
