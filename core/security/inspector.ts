/** Node's debugger port, which opens at SIGUSR1: for whoever of the same system user sends it, another application's container, say. */

/** From now on the signal does nothing in this process, whose main thread this is. A user's own `--inspect` stays theirs. */
export function ignoreInspectorSignal(): void {
  process.on('SIGUSR1', () => undefined)
}
