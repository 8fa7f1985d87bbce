/** The processes of an application on this machine, as anybody with a shell here could look at them. */
import { readdirSync, readFileSync } from 'node:fs'

export interface ContainerProcess {
  readonly pid: number
  readonly role: 'am' | 'container'
  /** /proc/…/environ, entries end with NUL. */
  readonly environment: string
  readonly command: string
}

export function containersOf(applicationId: string): ContainerProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
        if (!environment.includes(`CONTAINER_ID=container_${applicationId.replace('application_', '')}`)) return []
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
        const role = /^\S*runtime\/node .*runtime\/(am|container)\.mjs/.exec(command)?.[1] as 'am' | 'container' | undefined
        return role === undefined ? [] : [{ pid: Number(pid), role, environment, command }]
      } catch {
        // Gone meanwhile.
        return []
      }
    })
}
