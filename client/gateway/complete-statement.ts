/** What may stand where the cursor is: tables and views by name, columns of those that the statement names, keywords; keys behind SET. */
import { declaredOptions } from '#core/config/option.js'
import { fullName, type Catalog } from '#sql/catalog/catalog.js'
import { KEYWORDS } from '#sql/parser/keywords.js'

const MAX_CANDIDATES = 500
/** Words behind which a table stands. */
const BEHIND_SET = /^\s*(?:set|reset)\s+'([\w.-]*)$/i
const PART = '(?:[\\p{L}_][\\p{L}\\p{N}_$]*|`[^`]+`)'
/** A table that a statement names, and what it calls it. */
const NOT_A_NAME =
  '(?!(?:join|inner|left|right|full|cross|natural|on|using|where|group|having|window|order|limit|union|intersect|except|select|values|for|set)\\b)'
const NAMED_TABLE = new RegExp(
  `(?:\\b(?:from|join|into|update)|,)\\s+(${PART}(?:\\.${PART}){0,2})(?:\\s+(?:as\\s+)?${NOT_A_NAME}(${PART}))?`,
  'giu',
)
const BEFORE_TABLE = /\b(?:from|join|into|overwrite|table|describe|desc|update|like|view)\s+$/i

/** `position`: of the cursor, in UTF-16 units from 0. */
export function completeStatement(statement: string, position: number, catalog: Catalog): string[] {
  const before = statement.slice(0, position)
  const word = /[\p{L}\p{N}_$.`]*$/u.exec(before)?.[0] ?? ''
  const lead = before.slice(0, before.length - word.length)
  const typed = word.replaceAll('`', '')
  const begins = (name: string): boolean => name.toLowerCase().startsWith(typed.toLowerCase())
  const option = BEHIND_SET.exec(before)?.[1]
  if (option !== undefined)
    return declaredOptions()
      .map(({ key }) => key)
      .filter((key) => key.startsWith(option))
      .sort()
      .slice(0, MAX_CANDIDATES)
  const { current } = catalog
  const inDatabase = (database: string) =>
    catalog
      .names(undefined, { catalog: current.catalog, database })
      .map((name) => ({ short: name, full: fullName({ catalog: current.catalog, database, name }) }))
  const tables = catalog
    .databases(current.catalog)
    .flatMap((database) =>
      inDatabase(database).filter(
        ({ short, full }) => begins(full) || begins(`${database}.${short}`) || (database === current.database && begins(short)),
      ),
    )
    .map(({ full }) => full)
  const words = typed === '' || typed.includes('.') ? [] : KEYWORDS.filter(begins)
  const columns = columnsOf(statement, typed, catalog)
  const candidates = BEFORE_TABLE.test(lead) ? [...tables, ...words] : typed === '' ? [] : [...columns, ...words, ...tables]
  return candidates.slice(0, MAX_CANDIDATES)
}

/** Columns of the tables that the whole statement names, the part behind the cursor too; behind `t.` those of t, with it. */
function columnsOf(statement: string, typed: string, catalog: Catalog): string[] {
  const dot = typed.lastIndexOf('.')
  const qualifier = typed.slice(0, Math.max(dot, 0)).toLowerCase()
  const begun = typed.slice(dot + 1).toLowerCase()
  const { current } = catalog
  const found = [...statement.matchAll(NAMED_TABLE)].flatMap(([, path = '', alias]) => {
    const parts = path.split('.').map((part) => part.replaceAll('`', ''))
    const [name = '', database = current.database, of = current.catalog] = parts.toReversed()
    const names = [alias?.replaceAll('`', '').toLowerCase(), name.toLowerCase()]
    if (dot >= 0 && !names.includes(qualifier)) return []
    const columns = catalog.find({ catalog: of, database, name })?.columns ?? []
    return columns.map((column) => column.name).filter((column) => column.toLowerCase().startsWith(begun))
  })
  return [...new Set(found)].map((name) => (dot < 0 ? name : `${typed.slice(0, dot + 1)}${name}`))
}
