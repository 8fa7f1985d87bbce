/**
 * A job program: SQL from TypeScript. `npx weft run examples/busiest-routes.ts [least distance in miles]`
 */
import type { TableEnvironment } from 'weft'

export async function main(env: TableEnvironment): Promise<void> {
  const leastDistance = Number(env.args[0] ?? 0)
  if (!Number.isInteger(leastDistance) || leastDistance < 0)
    throw new Error(`the least distance must be a whole number of miles, not '${env.args[0]}'`)

  env.set('pipeline.name', 'busiest-routes')
  env.set('execution.runtime-mode', 'batch')
  await env.executeSql(`
    CREATE TABLE flights (\`date\` STRING, delay INT, distance INT, origin STRING, destination STRING)
    WITH ('connector' = 'filesystem', 'path' = 'examples/data/flights', 'format' = 'json')
  `)
  const longest = await env.executeSql('SELECT MAX(distance) FROM flights')
  for await (const { cells } of longest.collect()) console.log(`The longest flight was ${cells[0]} miles.`)

  // A result that the program does not read is shown to whoever runs it.
  await env.executeSql(`
    SELECT origin, destination, COUNT(*) AS flights, AVG(distance) AS miles
    FROM flights
    WHERE distance >= ${leastDistance}
    GROUP BY origin, destination
    ORDER BY flights DESC, origin, destination
    LIMIT 5
  `)
}
