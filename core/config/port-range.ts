/** Flink's port syntax: `0`, `50100`, `50100-50200`, `50100,50105-50110`. */
import { defineError } from '../errors/define-error.js'

export const InvalidPortRange = defineError('CONFIG_INVALID_PORT_RANGE', {
  recovery: 'none',
  message: (d: { key: string; value: string }) =>
    `Option '${d.key}' has the value '${d.value}', which is no port, list or range of ports (0 to 65535): for example 50100-50200.`,
})

/** The ports in order. @throws CONFIG_INVALID_PORT_RANGE */
export function parsePortRange(key: string, value: string): number[] {
  const ports: number[] = []
  for (const part of value.split(',')) {
    const match = /^\s*(\d{1,5})\s*(?:-\s*(\d{1,5})\s*)?$/.exec(part)
    const first = Number(match?.[1] ?? NaN)
    const last = match?.[2] === undefined ? first : Number(match[2])
    if (!(first >= 0 && first <= last && last <= 65_535)) throw new InvalidPortRange({ key, value })
    for (let port = first; port <= last; port++) ports.push(port)
  }
  return ports
}
