/** Intervals as text, in Flink's form: `+1-02` for months, `-1 02:03:04.005` for ms. */

export function formatMonths(months: number): string {
  const all = Math.abs(months)
  return `${months < 0 ? '-' : '+'}${Math.floor(all / 12)}-${String(all % 12).padStart(2, '0')}`
}

export function formatMillis(millis: bigint): string {
  const all = millis < 0n ? -millis : millis
  const part = (unit: bigint, size: bigint, width = 2): string => String((all / unit) % size).padStart(width, '0')
  const clock = `${part(3_600_000n, 24n)}:${part(60_000n, 60n)}:${part(1_000n, 60n)}.${part(1n, 1000n, 3)}`
  return `${millis < 0n ? '-' : '+'}${all / 86_400_000n} ${clock}`
}
