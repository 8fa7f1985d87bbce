/** An error and its causes as lines for people: the root cause first, then where it happened, outwards. */
const MAX_DEPTH = 20

/** A message that quotes the one below it stands for both. */
export function failureLines(error: unknown): string {
  const messages: string[] = []
  for (let current = error; current !== undefined && current !== null && messages.length < MAX_DEPTH;) {
    messages.push(current instanceof Error ? current.message : String(current))
    current = current instanceof Error ? current.cause : undefined
  }
  const outwards: string[] = []
  for (const message of messages.reverse()) {
    const inner = outwards.at(-1)
    if (inner !== undefined && message.includes(inner)) outwards[outwards.length - 1] = message
    else if (message !== '') outwards.push(message)
  }
  return outwards.map((message, index) => (index === 0 ? message : message.replaceAll(/^/gm, '  '))).join('\n')
}
