/** Lines of tasks to this process's stdout or stderr. */

/** Resolves when they are written. A pipe that its reader closed is no reason to fail: lines are dropped from then on. */
export function writeLines(text: string, stderr: boolean): Promise<void> {
  const stream = stderr ? process.stderr : process.stdout
  return new Promise((resolve) => stream.write(text, () => resolve()))
}
