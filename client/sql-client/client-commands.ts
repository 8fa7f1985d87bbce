/** What the client does itself, without asking the gateway. */
export type ClientCommand =
  { readonly kind: 'quit' } | { readonly kind: 'clear' } | { readonly kind: 'help' } | { readonly kind: 'source'; readonly file: string }

export const CLIENT_WORDS = ['QUIT', 'EXIT', 'CLEAR', 'HELP', 'SOURCE'] as const

/** Undefined: a statement. */
export function clientCommand(statement: string): ClientCommand | undefined {
  const source = /^source\s+(?:'((?:[^']|'')*)'|(\S+))$/i.exec(statement.trim())
  if (source !== null) return { kind: 'source', file: source[1]?.replaceAll("''", "'") ?? source[2] ?? '' }
  switch (statement.trim().toUpperCase()) {
    case 'QUIT':
    case 'EXIT':
      return { kind: 'quit' }
    case 'CLEAR':
      return { kind: 'clear' }
    case 'HELP':
      return { kind: 'help' }
    default:
      return undefined
  }
}

/** Words that need no `;` when they stand alone on a line. */
export function endsWithoutSemicolon(line: string): boolean {
  const kind = clientCommand(line)?.kind
  return kind === 'quit' || kind === 'clear' || kind === 'help'
}

export const HELP_TEXT = `A statement may go over several lines and ends with a semicolon. Of these the client takes care itself:
  HELP                   this list
  QUIT or EXIT           leave
  CLEAR                  clear the screen
  SOURCE 'file.sql'      run the statements of a file, up to the first that fails
All others go to the cluster, some of them are:
  SHOW TABLES; DESCRIBE t;              what there is
  CREATE TABLE … WITH (…);              a table and its connector
  SELECT …;                             a query: Ctrl-C ends it
  INSERT INTO t SELECT …;               a job that goes on by itself; SHOW JOBS; STOP JOB 'id';
  EXPLAIN SELECT …;                     how it would be run
  SET;  SET 'key' = 'value';  RESET;    settings of this session
Shown as: SET 'sql-client.execution.result-mode' = 'table', 'changelog' or 'tableau'.
Keys: Tab completes words, tables and columns; arrows find earlier statements, Ctrl-R searches them; Ctrl-C gives up what was typed; Ctrl-D leaves.
`
