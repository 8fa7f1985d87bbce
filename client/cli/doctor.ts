/** `weft doctor`: looks at everything that a submission to YARN needs, in order, and says what is wrong first. */
import { join } from 'node:path'
import { doctorChecks } from '../doctor/checks.js'
import { examine, findingLines } from '../doctor/examination.js'
import { describeFailure } from './failure.js'
import { runtimeArchive } from './runtime-archive.js'
import { commandConfiguration } from './settings.js'

/** Exit status 1 when something is wrong. */
export async function doctor(options: { readonly properties: readonly string[]; readonly installation: string }): Promise<number> {
  const { installation } = options
  const checks = doctorChecks({
    configuration: commandConfiguration(options.properties, {}, installation),
    variables: process.env,
    nodeBinary: join(installation, 'build/runtime/node'),
    runtimeArchive: () => runtimeArchive(installation),
  })
  const width = Math.max(...checks.map(({ name }) => name.length))
  const findings = await examine(
    checks,
    (error) => describeFailure(error, process.env['WEFT_DEBUG'] !== undefined),
    (finding) => process.stdout.write(`${findingLines(finding, width)}\n`),
  )
  const bad = findings.filter(({ outcome }) => outcome === 'bad')
  if (bad.length === 0) return 0
  process.stdout.write(`\nTo be put right first: ${bad[0]?.name}.\n`)
  return 1
}
