/**
 * Writes the example's input from the real data set that the package vega-datasets ships (flights of the US Bureau of
 * Transportation Statistics, 2001; airports of the FAA):
 *
 *   examples/data/flights/part-{0..3}.json    one JSON object a line: date, delay (min), distance (miles), origin, destination
 *   examples/data/airports/airports.csv       iata,name,city,state,country,latitude,longitude (no header)
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const PARTS = 4
const root = new URL('../../', import.meta.url).pathname
const source = join(root, 'node_modules/vega-datasets/data')
const target = join(root, 'examples/data')

rmSync(target, { recursive: true, force: true })
mkdirSync(join(target, 'flights'), { recursive: true })
mkdirSync(join(target, 'airports'), { recursive: true })
const flights = JSON.parse(readFileSync(join(source, 'flights-20k.json'), 'utf8')) as Record<string, unknown>[]
const perPart = Math.ceil(flights.length / PARTS)
for (let part = 0; part < PARTS; part++) {
  const lines = flights.slice(part * perPart, (part + 1) * perPart).map((flight) => JSON.stringify(flight) + '\n')
  writeFileSync(join(target, `flights/part-${part}.json`), lines.join(''))
}
const airports = readFileSync(join(source, 'airports.csv'), 'utf8')
writeFileSync(join(target, 'airports/airports.csv'), airports.slice(airports.indexOf('\n') + 1))
writeFileSync(join(target, '.ready'), `${flights.length} flights\n`)
process.stdout.write(`examples/data: ${flights.length} flights in ${PARTS} files, airports\n`)
