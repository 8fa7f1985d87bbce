/** What a container's exit status means, in words, and whom to blame: ContainerExitStatus of Hadoop and the shell's rules. */

/** `application`: its own fault, counts as a failure. `node`: suspect the host. `nobody`: the cluster or we ourselves wanted it. */
export type Blame = 'nobody' | 'application' | 'node' | 'unknown'

export interface ExitExplanation {
  /** YARN's name, or the signal's: `PREEMPTED`, `SIGKILL`. */
  readonly name: string
  /** A sentence without the full stop. */
  readonly words: string
  readonly blame: Blame
}

const YARN_STATUS: Readonly<Record<number, ExitExplanation>> = {
  [-1000]: {
    name: 'INVALID',
    words: 'it was never launched: its files could not be localized, or it failed before its process started',
    blame: 'unknown',
  },
  [-100]: {
    name: 'ABORTED',
    words: 'it was released by the application, its node was lost, or it was not started in time after its allocation',
    blame: 'nobody',
  },
  [-101]: { name: 'DISKS_FAILED', words: 'too many disks of its node are bad or full', blame: 'node' },
  [-102]: { name: 'PREEMPTED', words: 'the scheduler preempted it for another queue or application', blame: 'nobody' },
  [-103]: {
    name: 'KILLED_EXCEEDED_VMEM',
    words:
      'it was killed for its virtual memory; Node reserves much more address space than it uses, so ask the administrator to turn yarn.nodemanager.vmem-check-enabled off or to raise yarn.nodemanager.vmem-pmem-ratio',
    blame: 'application',
  },
  [-104]: {
    name: 'KILLED_EXCEEDED_PMEM',
    words: 'it was killed because its processes used more memory than its container has; give it more memory',
    blame: 'application',
  },
  [-105]: { name: 'KILLED_BY_APPMASTER', words: 'the application master stopped it', blame: 'nobody' },
  [-106]: { name: 'KILLED_BY_RESOURCEMANAGER', words: 'the ResourceManager ordered its end', blame: 'nobody' },
  [-107]: { name: 'KILLED_AFTER_APP_COMPLETION', words: 'it was killed because its application had ended', blame: 'nobody' },
  [-108]: {
    name: 'KILLED_BY_CONTAINER_SCHEDULER',
    words: 'the NodeManager killed it to make room for a guaranteed container',
    blame: 'nobody',
  },
  [-109]: {
    name: 'KILLED_FOR_EXCESS_LOGS',
    words: 'it was killed because it wrote more logs than the NodeManager allows',
    blame: 'application',
  },
}

const SIGNALS: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  15: 'SIGTERM',
}

/**
 * A killed container may show 137 or 143 instead of a negative status, whichever was quicker; then the diagnostics tell.
 *
 * @param diagnostics YARN's text about the container; only used to tell those kills apart
 */
export function explainExit(status: number, diagnostics = ''): ExitExplanation {
  const known = YARN_STATUS[status]
  if (known !== undefined) return status === -100 ? aborted(known, diagnostics) : known
  if (status === 0) return { name: 'SUCCESS', words: 'it ended by itself with success', blame: 'nobody' }
  if (status === 154) return { name: 'LOST', words: 'the NodeManager lost track of it, probably over a restart of its own', blame: 'node' }
  if (status === 127) return { name: 'EXIT_127', words: 'its command was not found on the node', blame: 'application' }
  if (status === 126) return { name: 'EXIT_126', words: 'its command could not be executed on the node', blame: 'application' }
  if (status === 137 || status === 143) {
    const name = status === 137 ? 'SIGKILL' : 'SIGTERM'
    if (/beyond the '?PHYSICAL'? memory limit|physical memory limits/i.test(diagnostics)) return YARN_STATUS[-104]!
    if (/beyond the '?VIRTUAL'? memory limit|virtual memory limits/i.test(diagnostics)) return YARN_STATUS[-103]!
    if (/killed by the ApplicationMaster|stopped by ApplicationMaster/i.test(diagnostics)) return YARN_STATUS[-105]!
    if (/preempted by scheduler/i.test(diagnostics)) return YARN_STATUS[-102]!
    return {
      name,
      words:
        status === 137
          ? 'it was ended by SIGKILL: by the NodeManager, by the kernel for lack of memory on the host, or by a person'
          : 'it was ended by SIGTERM: by the NodeManager on an order of the application or the ResourceManager, or by a person',
      blame: 'application',
    }
  }
  if (status > 128 && status < 160) {
    const signal = SIGNALS[status - 128] ?? `signal ${status - 128}`
    return { name: signal, words: `its process was ended by ${signal}`, blame: 'application' }
  }
  if (status > 0 && status < 256)
    return { name: `EXIT_${status}`, words: `its process ended with exit code ${status}`, blame: 'application' }
  return { name: `STATUS_${status}`, words: `YARN gave the unknown exit status ${status}`, blame: 'unknown' }
}

function aborted(general: ExitExplanation, diagnostics: string): ExitExplanation {
  if (/released by application/i.test(diagnostics)) return { ...general, words: 'the application released it' }
  if (/\*?lost\*? node/i.test(diagnostics)) return { ...general, words: 'its node was lost', blame: 'node' }
  if (/expired since it was unused/i.test(diagnostics))
    return { ...general, words: 'it was not started in time after its allocation, so YARN took it back' }
  return general
}
