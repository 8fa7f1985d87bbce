/**
 * The short name of a principal, by the rules of `hadoop.security.auth_to_local`: DEFAULT takes the first component, and
 *
 *   RULE:[n:$1@$0](accepting regular expression)s/pattern/replacement/[g][/L]
 *
 * applies to principals of n components ($0: the realm). The first rule that fits wins. Source: KerberosName.
 */
import { HadoopPropertyInvalid } from './errors.js'
import type { HadoopConfiguration } from './hadoop-configuration.js'

const PROPERTY = 'hadoop.security.auth_to_local'
const RULE = /^\s*(?:(DEFAULT)|RULE:\[(\d+):([^\]]*)\](?:\(([^)]*)\))?(?:s\/([^/]*)\/([^/]*)\/(g)?)?)\/?(L)?\s*/
const MAX_RULES_LENGTH = 64 * 1024
const MAX_PRINCIPAL_LENGTH = 1024

/**
 * `alice@REALM` → `alice`. A principal that no rule fits keeps its first component: the cluster has the last word.
 * @throws HADOOP_CONF_INVALID_PROPERTY
 */
export function shortName(principal: string, conf: HadoopConfiguration): string {
  if (principal.length > MAX_PRINCIPAL_LENGTH) return principal.slice(0, MAX_PRINCIPAL_LENGTH)
  const at = principal.lastIndexOf('@')
  const realm = at < 0 ? '' : principal.slice(at + 1)
  const components = (at < 0 ? principal : principal.slice(0, at)).split('/')
  const first = components[0] ?? principal
  let rest = conf.get(PROPERTY)?.trim() ?? 'DEFAULT'
  if (rest.length > MAX_RULES_LENGTH) throw invalid(conf, rest, `it has ${rest.length} characters`)
  while (rest !== '') {
    const rule = RULE.exec(rest)
    if (rule === null) throw invalid(conf, rest, `no rule begins with '${rest.slice(0, 40)}'`)
    rest = rest.slice(rule[0].length)
    const [, isDefault, count = '', format = '', accepts, pattern, replacement = '', global, lower] = rule
    // Which realm is the default one is the KDC's configuration to say; our own principal is nearly always of it.
    if (isDefault !== undefined) return first
    if (Number(count) !== components.length) continue
    const base = format.replace(/\$(\d)/g, (_all, digit: string) => (digit === '0' ? realm : (components[Number(digit) - 1] ?? '')))
    try {
      if (accepts !== undefined && !new RegExp(`^(?:${accepts})$`).test(base)) continue
      const name = pattern === undefined ? base : base.replace(new RegExp(pattern, global ?? ''), replacement)
      if (/[/@]/.test(name)) continue
      return lower === undefined ? name : name.toLowerCase()
    } catch (error) {
      throw invalid(conf, rule[0].trim(), error instanceof Error ? error.message : String(error))
    }
  }
  return first
}

function invalid(conf: HadoopConfiguration, value: string, reason: string): Error {
  return new HadoopPropertyInvalid({ property: PROPERTY, value, reason, source: conf.sourceOf(PROPERTY) ?? '' })
}
