/** What may stand where the cursor is: tables, views and databases by name, keywords otherwise. */
import { fullName, type Catalog } from '#sql/catalog/catalog.js'
import { KEYWORDS } from '#sql/parser/keywords.js'

const MAX_CANDIDATES = 500
/** Words behind which a table stands. */
const BEFORE_TABLE = /\b(?:from|join|into|overwrite|table|describe|desc|update|like|view)\s+$/i

/** `position`: of the cursor, in UTF-16 units from 0. */
export function completeStatement(statement: string, position: number, catalog: Catalog): string[] {
  const before = statement.slice(0, position)
  const word = /[\p{L}\p{N}_$.`]*$/u.exec(before)?.[0] ?? ''
  const lead = before.slice(0, before.length - word.length)
  const typed = word.replaceAll('`', '')
  const begins = (name: string): boolean => name.toLowerCase().startsWith(typed.toLowerCase())
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
  const candidates = BEFORE_TABLE.test(lead) ? [...tables, ...words] : typed === '' ? [] : [...words, ...tables]
  return candidates.slice(0, MAX_CANDIDATES)
}
