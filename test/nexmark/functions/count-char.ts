/** The benchmark's function of q14: how often the first character of `character` stands in the text. */
export const count_char = {
  parameters: ['STRING NOT NULL', 'STRING NOT NULL'],
  returns: 'BIGINT NOT NULL',
  eval: (text: string, character: string): bigint => {
    const wanted = character.charCodeAt(0)
    let count = 0
    for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) === wanted) count++
    return BigInt(count)
  },
}
