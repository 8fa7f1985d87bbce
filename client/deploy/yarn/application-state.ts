/** YARN's application states and its diagnostics texts, read for people. Pure. */
const TERMINAL = new Set(['FINISHED', 'FAILED', 'KILLED'])
const MAX_LINES = 40

export function isTerminal(state: string): boolean {
  return TERMINAL.has(state)
}

/** Without the advice that YARN appends, time stamps and blank lines. */
export function shortDiagnostics(diagnostics: string): string {
  const lines: string[] = []
  for (const line of diagnostics.split('\n')) {
    const text = withoutTime(line).trimEnd()
    if (text.trim() === '' || text === lines.at(-1)) continue
    if (/^(For more detailed output, check|\.? ?Failing the application)/.test(text)) continue
    lines.push(text)
  }
  const shown = lines.length > MAX_LINES ? ['…', ...lines.slice(-MAX_LINES)] : lines
  return shown.length === 0 ? 'YARN gives no reason' : shown.join('\n')
}

/** Exit code of the last application master, from YARN's text. */
export function exitCodeOf(diagnostics: string): number | undefined {
  const codes = [...diagnostics.matchAll(/exitCode:\s*(-?\d+)/g)]
  const last = codes.at(-1)?.[1]
  return last === undefined ? undefined : Number(last)
}

/** The end of the container's stderr where the NodeManager put it into its text (it writes the whole report twice). */
export function stderrInDiagnostics(diagnostics: string): string | undefined {
  const lines = diagnostics.split('\n')
  const begin = lines.findLastIndex((line) => /^Last \d+ bytes of stderr\b/.test(line))
  if (begin < 0) return undefined
  const found: string[] = []
  for (const line of lines.slice(begin + 1)) {
    if (
      /^(\[[^\]]*\d{4}[^\]]*\])?(Container exited|For more detailed output|Last \d+ bytes of)/.test(line) ||
      /^\. Failing the application/.test(line)
    )
      break
    found.push(line.trimEnd())
  }
  while (found.at(-1) === '') found.pop()
  return found.length === 0 ? undefined : found.slice(-MAX_LINES).join('\n')
}

/** YARN's text about a container whose process ended badly says nothing but that, at length. */
export function isContainerLaunchFailure(diagnostics: string): boolean {
  return /Exception from container-launch|Container exited with a non-zero exit code/.test(diagnostics)
}

function withoutTime(line: string): string {
  return line.replace(/^\[[^\]]*\d{4}[^\]]*\]\s*/, '')
}
