/** Message and stack of an error, then of each cause, in Java's manner. */
const MAX_CAUSES = 20

export function stackTrace(error: unknown): string {
  const parts: string[] = []
  for (let current = error; current !== undefined && current !== null && parts.length < MAX_CAUSES;) {
    const text = current instanceof Error ? (current.stack ?? `${current.name}: ${current.message}`) : String(current)
    parts.push(parts.length === 0 ? text : `Caused by: ${text}`)
    current = current instanceof Error ? current.cause : undefined
  }
  return parts.join('\n')
}
