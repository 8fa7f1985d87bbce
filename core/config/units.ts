/** Flink's syntax for durations and memory sizes (facts: Flink 2.3 TimeUtils and MemorySize). */

const DURATION_UNITS: readonly (readonly [names: readonly string[], millis: number])[] = [
  [['d', 'day', 'days'], 86_400_000],
  [['h', 'hour', 'hours'], 3_600_000],
  [['min', 'm', 'minute', 'minutes'], 60_000],
  [['s', 'sec', 'secs', 'second', 'seconds'], 1000],
  [['ms', 'milli', 'millis', 'millisecond', 'milliseconds'], 1],
  [['µs', 'micro', 'micros', 'microsecond', 'microseconds'], 1e-3],
  [['ns', 'nano', 'nanos', 'nanosecond', 'nanoseconds'], 1e-6],
]

const MEMORY_UNITS: readonly (readonly [names: readonly string[], bytes: number])[] = [
  [['b', 'bytes'], 1],
  [['k', 'kb', 'kibibytes'], 1024],
  [['m', 'mb', 'mebibytes'], 1024 ** 2],
  [['g', 'gb', 'gibibytes'], 1024 ** 3],
  [['t', 'tb', 'tebibytes'], 1024 ** 4],
]

/** `10 s`, `500ms`, `PT1M30S`, `250` (ms) to milliseconds. Undefined when it is none of these. */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim()
  const iso = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/i.exec(trimmed)
  if (iso !== null && trimmed.length > 2) {
    const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = iso
    return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60_000 + Number(seconds) * 1000
  }
  return parseWithUnit(trimmed, DURATION_UNITS, 1)
}

/** `1600m`, `1 gb`, `4096` (bytes) to bytes. Undefined when it is none of these. */
export function parseMemorySize(text: string): number | undefined {
  return parseWithUnit(text.trim(), MEMORY_UNITS, 1)
}

function parseWithUnit(text: string, units: readonly (readonly [readonly string[], number])[], bare: number): number | undefined {
  const match = /^(\d+)\s*([a-zµ]*)$/i.exec(text)
  if (match === null) return undefined
  const [, digits = '', unit = ''] = match
  const factor = unit === '' ? bare : units.find(([names]) => names.includes(unit.toLowerCase()))?.[1]
  if (factor === undefined) return undefined
  const value = Number(digits) * factor
  return Number.isSafeInteger(Math.trunc(value)) ? value : undefined
}

/** `1 d`, `30 s`, `250 ms`: the largest unit that divides. */
export function formatDuration(millis: number): string {
  for (const [names, factor] of DURATION_UNITS) {
    if (factor >= 1 && millis >= factor && millis % factor === 0) return `${millis / factor} ${names[0]}`
  }
  return `${millis} ms`
}

/** `1728 mb`: the largest unit that divides. */
export function formatMemorySize(bytes: number): string {
  for (const [names, factor] of [...MEMORY_UNITS].reverse()) {
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor} ${names.length > 2 ? names[1] : names[0]}`
  }
  return `${bytes} b`
}

/** Flink's `a;b;c`, items in single quotes where they hold the separator. */
export function parseList(text: string, separator = ';'): string[] {
  return splitQuoted(text, separator).filter((item) => item !== '')
}

/** Flink's `k1:v1,k2:v2`. Undefined when an entry has no colon. */
export function parseMap(text: string): Record<string, string> | undefined {
  const map: Record<string, string> = {}
  for (const entry of splitQuoted(text, ',')) {
    if (entry === '') continue
    const colon = entry.indexOf(':')
    if (colon < 0) return undefined
    map[entry.slice(0, colon).trim()] = entry.slice(colon + 1).trim()
  }
  return map
}

function splitQuoted(text: string, separator: string): string[] {
  const items: string[] = []
  let item = ''
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i)
    if (c === "'") {
      if (quoted && text.charAt(i + 1) === "'") item += text.charAt(i++)
      else quoted = !quoted
    } else if (c === separator && !quoted) {
      items.push(item.trim())
      item = ''
    } else item += c
  }
  items.push(item.trim())
  return items
}
