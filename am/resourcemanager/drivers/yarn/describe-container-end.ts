/** Why a container ended, in words. Pure. */
import type { CompletedContainer } from '#hadoop/yarn/am-rm/events.js'

const MAX_DIAGNOSTICS_CHARACTERS = 1_000

/** `exit status 137 (SIGKILL): it was ended by SIGKILL: …` with YARN's diagnostics where they say more, then the log's last lines. */
export function describeContainerEnd(end: CompletedContainer, logTail: string | undefined): string {
  const parts = [`exit status ${end.exitStatus} (${end.exit.name}): ${end.exit.words}`]
  const diagnostics = shortDiagnostics(end.diagnostics)
  if (diagnostics !== '') parts.push(`YARN says: ${diagnostics}`)
  if (logTail !== undefined) parts.push(`Last lines of its log (stderr):\n${logTail.replaceAll(/^/gm, '  | ')}`)
  return parts.join('\n')
}

const BOILERPLATE =
  /^(Exception from container-launch|Container id:|Exit code:|Shell output:|Exception message:|Container exited with a non-zero exit code|Container killed on request|Killed by external signal|Last 4096 bytes of|Stack trace:|at )/

/** Without timestamps, and without what is said of every failed container. */
function shortDiagnostics(diagnostics: string): string {
  const lines = diagnostics
    .split('\n')
    .map((line) => line.replace(/^\[\d{4}-[^\]]*\]/, '').trim())
    .filter((line) => line !== '' && !BOILERPLATE.test(line))
  const text = [...new Set(lines)].join('\n')
  return text.length <= MAX_DIAGNOSTICS_CHARACTERS ? text : `${text.slice(0, MAX_DIAGNOSTICS_CHARACTERS)}…`
}
