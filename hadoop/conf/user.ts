/** Who a client is towards a cluster without Kerberos, and for whom it acts. */
import { userInfo } from 'node:os'
import { ProxyUserInvalid } from './errors.js'

/** HADOOP_USER_NAME, else the user of the operating system. Source: UserGroupInformation. */
export function hadoopUser(environment: Readonly<Record<string, string | undefined>>): string {
  const named = environment['HADOOP_USER_NAME']?.trim()
  if (named !== undefined && named !== '') return named
  try {
    return userInfo().username
  } catch {
    // No entry in the password file (a container with a bare uid).
    return environment['USER'] ?? environment['LOGNAME'] ?? 'nobody'
  }
}

/** Users of operating systems and principals; nothing that a URL, a path or a line of a log would take for something else. */
const USER_NAME = /^[\w][\w.@$-]{0,255}$/u

/** For whom this process acts (HADOOP_PROXY_USER, which `--proxy-user` sets); undefined: for itself. @throws HADOOP_PROXY_USER_INVALID */
export function proxyUser(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const named = environment['HADOOP_PROXY_USER']?.trim()
  if (named === undefined || named === '') return undefined
  if (!USER_NAME.test(named)) throw new ProxyUserInvalid({ user: named.slice(0, 100) })
  return named
}
