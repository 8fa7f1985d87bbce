/** What the SQL client itself refuses, and what a gateway tells it. */
import { defineError } from '#core/errors/define-error.js'

export const GatewayUnreachable = defineError('SQL_CLIENT_GATEWAY_UNREACHABLE', {
  recovery: 'none',
  message: (d: { endpoint: string; reason: string }) =>
    `The SQL gateway at ${d.endpoint} does not answer: ${d.reason}. Is it the address that 'weft sql-gateway' printed, and does it run?`,
})
/** `full`: the whole text that came. */
export const GatewayAnswered = defineError('SQL_CLIENT_STATEMENT_FAILED', {
  recovery: 'none',
  message: (d: { cause: string; full: string }) => d.cause,
})
export const EndpointInvalid = defineError('SQL_CLIENT_ENDPOINT_INVALID', {
  recovery: 'none',
  message: (d: { endpoint: string }) => `'${d.endpoint}' is no address of a SQL gateway: it reads host:port or http://host:port.`,
})
export const EndpointMissing = defineError('SQL_CLIENT_ENDPOINT_MISSING', {
  recovery: 'none',
  message: () => 'weft sql-client gateway needs --endpoint host:port, the address that the SQL gateway printed.',
})
export const ModeUnknown = defineError('SQL_CLIENT_MODE_UNKNOWN', {
  recovery: 'none',
  message: (d: { mode: string }) => `The SQL client has no mode '${d.mode}': it is embedded (the default) or gateway.`,
})
export const SwitchesExclude = defineError('SQL_CLIENT_SWITCHES_EXCLUDE', {
  recovery: 'none',
  message: (d: { one: string; other: string; why: string }) => `${d.one} and ${d.other} do not go together: ${d.why}.`,
})
export const ApplicationNeedsScript = defineError('SQL_CLIENT_APPLICATION_NEEDS_SCRIPT', {
  recovery: 'none',
  message: () =>
    'An application runs one script and ends: -t yarn-application needs -f job.sql. To type statements on YARN start a session (weft yarn-session -d) and use -t yarn-session -yid application_….',
})
export const ScriptUnreadable = defineError('SQL_CLIENT_SCRIPT_UNREADABLE', {
  recovery: 'none',
  message: (d: { file: string; reason: string }) => `Cannot read the script ${d.file}: ${d.reason}`,
})
