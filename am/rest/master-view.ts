/** What REST handlers see of the master. */
import type { Configuration } from '#core/config/configuration.js'
import type { Environment } from '#core/time/environment.js'
import type { Application } from '../application/application.js'
import type { Dispatcher } from '../dispatcher/dispatcher.js'
import type { ResourceManager } from '../resourcemanager/resource-manager.js'
import type { PushedTokens } from '../security/pushed-tokens.js'
import type { Session } from '../session/session.js'
import type { AsyncOperations } from './async-operations.js'

export interface MasterView {
  readonly configuration: Configuration
  readonly environment: Environment
  readonly dispatcher: Pick<Dispatcher, 'job' | 'jobs'>
  readonly resourceManager: Pick<ResourceManager, 'workers'>
  readonly operations: AsyncOperations
  /** @throws SAVEPOINT_NOT_DISPOSABLE, CHECKPOINT_*, FS_* */
  disposeSavepoint(path: string): Promise<void>
  /** Undefined: this master runs one application and takes no other jobs. */
  readonly session?: Pick<Session, 'id' | 'user' | 'submissionDirectory' | 'details' | 'submit'> | undefined
  /** Undefined: no Kerberos, no tokens. */
  readonly pushedTokens?: PushedTokens | undefined
  readonly application: Pick<Application, 'id' | 'details' | 'cancel' | 'acknowledge' | 'contacted'>
}
