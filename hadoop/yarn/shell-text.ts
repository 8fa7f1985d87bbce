/**
 * Text for the script that a NodeManager writes to launch a container. It says `export NAME="VALUE"` and
 * `exec /bin/bash -c "COMMAND"`, with VALUE and COMMAND copied in unescaped, after replacing in both
 *
 *   {{ by $      }} by nothing      <LOG_DIR> by the log folder      <CPS> by :      <ADD_OPENS> by Java options
 *
 * So inside double quotes `\ " $` and backticks must be escaped, and those patterns broken up: `""` closes and reopens the quotes, which
 * changes nothing for bash and everything for the replacement. A newline is fine within quotes; NUL cannot be passed at all.
 */
import { defineError } from '#core/errors/define-error.js'

export const UnusableLaunchText = defineError('YARN_UNUSABLE_LAUNCH_TEXT', {
  recovery: 'none',
  message: (c: { what: string; problem: string }) => `${c.what} cannot be given to a container: ${c.problem}`,
})

/** Place of the container's log folder in a command or value. Not for text that went through the escapes below: they break it up. */
export const LOG_DIR = '<LOG_DIR>'

const PATTERNS = /\{(?=\{)|\}(?=\})|<(?=(?:LOG_DIR|CPS|ADD_OPENS)>)/g

/** For text that stands within double quotes: arrives byte for byte. @throws YARN_UNUSABLE_LAUNCH_TEXT */
export function escapeInDoubleQuotes(text: string, what: string): string {
  if (text.includes('\0')) throw new UnusableLaunchText({ what, problem: 'it contains a NUL character' })
  return text.replace(/[\\"$`]/g, '\\$&').replace(PATTERNS, '$&""')
}

/** A value of an environment variable, exactly as the process will see it. @throws YARN_UNUSABLE_LAUNCH_TEXT */
export function environmentValue(name: string, value: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    throw new UnusableLaunchText({ what: `environment variable '${name}'`, problem: 'a name has letters, digits and underscores only' })
  return escapeInDoubleQuotes(value, `the value of ${name}`)
}

/** A reference to another variable, as a value or in a command: expanded on the node, where the container runs. */
export function variable(name: string): string {
  return `{{${name}}}`
}

export interface LaunchCommand {
  /** Program and arguments; each reaches the process as it is. */
  readonly argv: readonly string[]
  /** File names within the log folder; default `stdout` and `stderr`. */
  readonly stdout?: string
  readonly stderr?: string
}

/**
 * `exec 'program' 'argument' … 1><LOG_DIR>/stdout 2><LOG_DIR>/stderr`, quoted for the inner shell, then for the outer one. Exec, so that
 * signals reach the program and no shell lingers; redirected, because what is not is lost.
 *
 * @throws YARN_UNUSABLE_LAUNCH_TEXT
 */
export function launchCommand(command: LaunchCommand): string {
  const words = command.argv.map((word) => escapeInDoubleQuotes(singleQuoted(word), `argument '${word}'`))
  return [
    'exec',
    ...words,
    `1>${LOG_DIR}/${logFile(command.stdout ?? 'stdout')}`,
    `2>${LOG_DIR}/${logFile(command.stderr ?? 'stderr')}`,
  ].join(' ')
}

function singleQuoted(word: string): string {
  return /^[A-Za-z0-9_\-+=.,:/@%]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

function logFile(name: string): string {
  if (!/^[A-Za-z0-9_.-]+$/.test(name))
    throw new UnusableLaunchText({ what: `log file '${name}'`, problem: 'a file name without folders and special characters is needed' })
  return name
}
