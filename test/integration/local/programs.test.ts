import { expect } from 'chai'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from '../../support/project-root.js'
import { runWeft } from '../../support/weft-command.js'

interface Flight {
  distance: number
  origin: string
  destination: string
}

describe('examples/busiest-routes.ts, embedded', () => {
  it('reads a result itself and leaves one to the client', async () => {
    const { status, stdout, stderr } = await runWeft(['run', 'examples/busiest-routes.ts', '1000'])
    expect(status, stderr).to.equal(0)
    const flights = JSON.parse(readFileSync(join(projectRoot, 'node_modules/vega-datasets/data/flights-20k.json'), 'utf8')) as Flight[]
    expect(stdout).to.contain(`The longest flight was ${Math.max(...flights.map((flight) => flight.distance))} miles.`)
    const routes = new Map<string, number>()
    for (const { distance, origin, destination } of flights) {
      if (distance >= 1000) routes.set(`${origin} ${destination}`, (routes.get(`${origin} ${destination}`) ?? 0) + 1)
    }
    const expected = [...routes].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 5)
    const rows = [...stdout.matchAll(/^\| +([A-Z]{3}) \| +([A-Z]{3}) \| +(\d+) \| +\d+ \|$/gm)].map(
      ([, origin = '', destination = '', count = '']) => [`${origin} ${destination}`, Number(count)],
    )
    expect(rows).to.deep.equal(expected)
  })

  it('tells what is wrong with its argument', async () => {
    const { status, stderr } = await runWeft(['run', 'examples/busiest-routes.ts', 'far'])
    expect(status).to.equal(1)
    expect(stderr).to.match(/the least distance must be a whole number of miles, not 'far'/)
    expect(stderr).to.match(/busiest-routes\.ts:\d+/)
  })
})
