/** Who a client is towards a cluster without Kerberos. */
import { userInfo } from 'node:os'

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
