/** An error and its causes as lines for people: the root cause first, then where it happened, outwards. */
import { isToldBy } from '#hadoop/ipc/remote-exception.js'

const MAX_DEPTH = 20

/**
 *   No such file or directory: file:///data/flights
 *     Table 'flights' cannot be read
 *     Statement 4 (job.sql, line 30) failed: INSERT INTO delays SELECT …
 *
 * A message that quotes the one below it stands for both.
 */
export function describeFailure(error: unknown): string {
  const outwards: string[] = []
  for (const message of messages(error).reverse()) {
    const inner = outwards.at(-1)
    if (inner !== undefined && message.includes(inner)) outwards[outwards.length - 1] = message
    else if (message !== '') outwards.push(message)
  }
  return outwards.map((message, index) => (index === 0 ? message : message.replaceAll(/^/gm, '  '))).join('\n')
}

/** From the outermost to the root cause. */
function messages(error: unknown): string[] {
  const found: string[] = []
  for (let current = error; current !== undefined && current !== null && found.length < MAX_DEPTH;) {
    found.push(current instanceof Error ? current.message : String(current))
    const outer: unknown = current
    current = current instanceof Error ? current.cause : undefined
    if (isToldBy(current, outer)) break
  }
  return found
}
