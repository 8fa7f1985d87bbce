/** Candidates of the gateway made to fit the word that is being typed. */
const WORD = /[\p{L}\p{N}_$.`]*$/u
const OPTION = /'([\w.-]*)$/

/** A table comes with its catalog and database: what is typed may begin anywhere in it. */
export function wordsThatFit(before: string, candidates: readonly string[]): [candidates: string[], word: string] {
  const option = /^\s*(?:set|reset)\s+'[\w.-]*$/i.test(before) ? OPTION.exec(before)?.[1] : undefined
  const word = option ?? WORD.exec(before)?.[0] ?? ''
  const lower = word.toLowerCase().replaceAll('`', '')
  const fits = candidates.flatMap((candidate) => {
    if (candidate.toLowerCase().startsWith(lower)) return lower === '' && option === undefined ? [lastPart(candidate)] : [candidate]
    const parts = candidate.split('.')
    for (let from = 1; from < parts.length; from++) {
      const short = parts.slice(from).join('.')
      if (short.toLowerCase().startsWith(lower)) return [short]
    }
    return []
  })
  return [[...new Set(fits)], word]
}

function lastPart(candidate: string): string {
  return candidate.split('.').at(-1) ?? candidate
}
