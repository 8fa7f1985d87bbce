import { boolean, double, duration, list, option, string } from '../option.js'

export const KERBEROS_USE_TICKET_CACHE = option('security.kerberos.login.use-ticket-cache', boolean(), {
  default: 'true',
  description: 'Without a keytab, log in with the ticket that kinit left (KRB5CCNAME).',
})
export const KERBEROS_KEYTAB = option('security.kerberos.login.keytab', string(), {
  description: 'Keytab on the client’s machine to log in with; read there, wins over tickets and token files.',
})
export const KERBEROS_PRINCIPAL = option('security.kerberos.login.principal', string(), {
  description: 'Principal of the keytab; without a keytab, the one that the ticket must be of.',
})
export const KRB5_CONF_PATH = option('security.kerberos.krb5-conf.path', string(), {
  description: 'Kerberos configuration of the client; KRB5_CONFIG, else the system’s, if unset.',
})
export const KERBEROS_HADOOP_FILE_SYSTEMS = option('security.kerberos.access.hadoopFileSystems', list(), {
  default: '',
  description: 'Further HDFS clusters (hdfs://…) that the job reads or writes: a delegation token of each is obtained.',
})
export const DELEGATION_TOKENS_ENABLED = option('security.delegation.tokens.enabled', boolean(), {
  default: 'true',
  description: 'Obtain delegation tokens at the submission; false: only those of HADOOP_TOKEN_FILE_LOCATION are handed on.',
})
export const DELEGATION_TOKENS_RENEWAL_RATIO = option('security.delegation.tokens.renewal.time-ratio', double(0.1, 0.95), {
  default: '0.75',
  description: 'With a keytab: the share of the tokens’ validity after which the JobManager obtains new ones.',
})
export const DELEGATION_TOKENS_RETRY_BACKOFF = option('security.delegation.tokens.renewal.retry.backoff', duration(), {
  default: '1 h',
  description: 'Pause after new tokens could not be obtained, at most a quarter of the time that the present ones have left.',
})
