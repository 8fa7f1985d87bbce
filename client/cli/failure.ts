/** Prints what went wrong for people: the message of the error first, then what it was caused by. Stacks only when asked for. */
import { WeftError } from '#core/errors/define-error.js'
import { isToldBy } from '#hadoop/ipc/remote-exception.js'

export function describeFailure(error: unknown, stacks: boolean): string {
  const lines: string[] = []
  const seen = new Set<string>()
  for (let current: unknown = error, depth = 0; current !== undefined && depth < 20; depth++) {
    const message = current instanceof Error ? current.message : String(current)
    // A cause whose text the outer message already holds says nothing new.
    if (![...seen].some((text) => text.includes(message)) || stacks) {
      lines.push(depth === 0 ? message : `Caused by: ${message}`)
      if (stacks && current instanceof Error && current.stack !== undefined) lines.push(current.stack)
    }
    seen.add(message)
    // An error without a code is not one we foresaw: its place in the code is what helps.
    if (!stacks && depth === 0 && current instanceof Error && !(current instanceof WeftError) && current.cause === undefined) {
      lines.push('(Set WEFT_DEBUG=1 for the place in the code.)')
    }
    const outer: unknown = current
    current = current instanceof Error ? current.cause : undefined
    if (!stacks && isToldBy(current, outer)) break
  }
  return lines.join('\n')
}

export function printFailure(error: unknown, stacks: boolean): void {
  process.stderr.write(`${describeFailure(error, stacks)}\n`)
}
