/** The options of one format among a table's options, its prefix cut off: `csv.null-literal` is `null-literal`. */
export function formatOptions(options: Readonly<Record<string, string>>, format: string): Record<string, string> {
  const prefix = `${format}.`
  return Object.fromEntries(
    Object.entries(options).flatMap(([key, value]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [])),
  )
}
