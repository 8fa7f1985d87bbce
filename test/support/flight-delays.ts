/** What examples/flight-delays.sql must write, computed from the package's data set by plain loops: no code of ours. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from './project-root.js'

const DAY = 86_400_000
const data = (name: string): string => readFileSync(join(projectRoot, 'node_modules/vega-datasets/data', name), 'utf8')

interface Flight {
  date: string
  delay: number
  origin: string
}

interface Weekly {
  week: number
  state: string
  airport: string
  flights: number
  late: number
  delay: number
}

function weekly(): Weekly[] {
  const states = new Map<string, string>()
  for (const line of data('airports.csv').split('\n').slice(1)) {
    const cells = [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map((match) => match[1] ?? '')
    if (cells[0] !== undefined && cells[0] !== '') states.set(cells[0], cells[3] ?? '')
  }
  const groups = new Map<string, Weekly>()
  for (const flight of JSON.parse(data('flights-20k.json')) as Flight[]) {
    const [year, month, day, hour, minute] = flight.date.split(/[/ :]/).map(Number) as [number, number, number, number, number]
    const at = Date.UTC(year, month - 1, day, hour, minute)
    // Monday of its week.
    const midnight = Math.floor(at / DAY) * DAY
    const week = midnight - ((new Date(midnight).getUTCDay() + 6) % 7) * DAY
    const state = states.get(flight.origin)
    if (state === undefined) continue
    const key = `${week} ${flight.origin}`
    const group = groups.get(key) ?? { week, state, airport: flight.origin, flights: 0, late: 0, delay: 0 }
    group.flights++
    if (flight.delay > 15) group.late++
    group.delay += flight.delay
    groups.set(key, group)
  }
  return [...groups.values()]
}

/** Lines of the table weekly_delays, sorted; weeks as `2001-01-01`. */
export function expectedWeeklyDelays(): string[] {
  return weekly()
    .map((row) => [new Date(row.week).toISOString().slice(0, 10), row.state, row.airport, row.flights, row.late, row.delay].join(','))
    .sort()
}

/** A CSV line as written, its time cut down to the date (every week begins at midnight). */
export function normalizeWeeklyDelay(line: string): string {
  return line.replace(/^"?(\d{4}-\d{2}-\d{2})[ T]00:00(?::00(?:\.0+)?)?"?/, '$1')
}

/** The ten states of the final table: state, flights, late, late percent (one decimal, half up), average delay (truncated). */
export function expectedWorstStates(): string[][] {
  const states = new Map<string, { flights: number; late: number; delay: number }>()
  for (const row of weekly()) {
    const sum = states.get(row.state) ?? { flights: 0, late: 0, delay: 0 }
    sum.flights += row.flights
    sum.late += row.late
    sum.delay += row.delay
    states.set(row.state, sum)
  }
  return [...states]
    .filter(([, sum]) => sum.flights >= 200)
    .map(([state, sum]) => ({ state, ...sum, permille: Math.round((1000 * sum.late) / sum.flights) }))
    .sort((a, b) => b.permille - a.permille || (a.state < b.state ? -1 : 1))
    .slice(0, 10)
    .map((row) => [
      row.state,
      String(row.flights),
      String(row.late),
      (row.permille / 10).toFixed(1),
      String(Math.trunc(row.delay / row.flights)),
    ])
}
