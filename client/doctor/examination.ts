/** Checks in the order in which one needs the other: what fails is told with its reason, and what needs it is not looked at. Pure but for the checks. */

export interface Check {
  readonly name: string
  /** Names of checks that must have passed. */
  readonly needs?: readonly string[]
  /** What was found, for people. @throws what is wrong */
  run(): Promise<string | Concern>
}

/** It works, and should be known about. */
export interface Concern {
  readonly concern: string
}

export interface Finding {
  readonly name: string
  readonly outcome: 'good' | 'concern' | 'bad' | 'skipped'
  readonly text: string
}

/** One by one; `onFinding` sees each when it is there. */
export async function examine(
  checks: readonly Check[],
  describe: (error: unknown) => string,
  onFinding: (finding: Finding) => void,
): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  const good = new Set<string>()
  for (const check of checks) {
    const finding = await findingOf(check)
    if (finding.outcome === 'good' || finding.outcome === 'concern') good.add(check.name)
    findings.push(finding)
    onFinding(finding)
  }
  return findings

  async function findingOf({ name, needs = [], run }: Check): Promise<Finding> {
    const missing = needs.filter((need) => !good.has(need))
    if (missing.length > 0) return { name, outcome: 'skipped', text: `not looked at without: ${missing.join(', ')}` }
    try {
      const found = await run()
      return typeof found === 'string' ? { name, outcome: 'good', text: found } : { name, outcome: 'concern', text: found.concern }
    } catch (error) {
      return { name, outcome: 'bad', text: describe(error) }
    }
  }
}

const MARKS: Readonly<Record<Finding['outcome'], string>> = { good: 'ok  ', concern: 'note', bad: 'FAIL', skipped: '-   ' }

/** `ok   login            alice@REALM, ticket for 9 h` and, below a text's first line, its others. */
export function findingLines({ name, outcome, text }: Finding, width: number): string {
  const [first = '', ...rest] = text.split('\n')
  const indent = ' '.repeat(MARKS.good.length + 1 + width + 2)
  return [`${MARKS[outcome]} ${name.padEnd(width)}  ${first}`, ...rest.map((line) => indent + line)].join('\n')
}
