import { readdirSync, readFileSync } from 'node:fs'

/**
 * Ids of running processes that were started with an argument ending in `entry` (`container.mjs`) and whose environment holds `mark`, a
 * folder or setting of the test's own. Shells that only start such a process do not count.
 */
export function processesOf(entry: string, mark: string): number[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      const started = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        .split('\0')
        .some((argument) => argument.endsWith(entry) && !argument.includes(' '))
      return started && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark) ? [Number(pid)] : []
    } catch {
      return [] // it ended meanwhile
    }
  })
}
