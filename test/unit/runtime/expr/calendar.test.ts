import { assert } from 'chai'
import fc from 'fast-check'
import {
  addMonthsToDays,
  ceilToUnit,
  civilFromDays,
  daysFromCivil,
  extractUnit,
  floorToUnit,
  formatDate,
  formatTimestamp,
  isoWeek,
  monthsBetween,
  parseDate,
  parseTimestamp,
} from '#runtime/expr/calendar.js'
import { DateTimePattern } from '#runtime/expr/datetime-pattern.js'
import { EvaluationFailure } from '#runtime/expr/evaluation.js'
import { localToUtc, timeZone, utcToLocal } from '#runtime/expr/time-zone.js'

const anyMillis = fc.integer({ min: Date.UTC(0, 0, 1), max: Date.UTC(9999, 11, 31) })
const utc = (text: string): number => Date.parse(`${text}Z`)

describe('the calendar', () => {
  it('agrees with JavaScript dates', () => {
    fc.assert(
      fc.property(anyMillis, (millis) => {
        const date = new Date(millis)
        const days = Math.floor(millis / 86_400_000)
        const civil = civilFromDays(days)
        assert.deepEqual(civil, { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() })
        assert.strictEqual(daysFromCivil(civil.year, civil.month, civil.day), days)
        assert.strictEqual(extractUnit('HOUR', millis), date.getUTCHours())
        assert.strictEqual(extractUnit('SECOND', millis), date.getUTCSeconds())
        assert.strictEqual(extractUnit('DOW', millis), date.getUTCDay() + 1)
        assert.strictEqual(formatTimestamp(millis, 3), date.toISOString().slice(0, 23).replace('T', ' '))
      }),
      { numRuns: 300 },
    )
  })

  it('reads what it prints', () => {
    fc.assert(
      fc.property(anyMillis, (millis) => {
        assert.strictEqual(parseTimestamp(formatTimestamp(millis, 3)), millis)
        assert.strictEqual(parseDate(formatDate(Math.floor(millis / 86_400_000))), Math.floor(millis / 86_400_000))
      }),
      { numRuns: 300 },
    )
  })

  it('floors and ceils to a unit around every instant', () => {
    const units = ['YEAR', 'QUARTER', 'MONTH', 'WEEK', 'DAY', 'HOUR', 'MINUTE', 'SECOND', 'DECADE', 'CENTURY', 'MILLENNIUM'] as const
    fc.assert(
      fc.property(anyMillis, fc.constantFrom(...units), (millis, unit) => {
        const [floor, ceil] = [floorToUnit(unit, millis), ceilToUnit(unit, millis)]
        assert.isTrue(floor <= millis && millis <= ceil)
        assert.strictEqual(floorToUnit(unit, floor), floor)
        assert.strictEqual(floorToUnit(unit, ceil), ceil)
        if (floor !== millis) assert.strictEqual(ceilToUnit(unit, floor + 1), ceil)
      }),
      { numRuns: 300 },
    )
  })

  it('counts whole months as often as they can be added', () => {
    fc.assert(
      fc.property(anyMillis, fc.integer({ min: 0, max: 500 }), (millis, months) => {
        const from = Math.floor(millis / 86_400_000)
        assert.strictEqual(monthsBetween(from * 86_400_000, addMonthsToDays(from, months) * 86_400_000), months)
      }),
      { numRuns: 200 },
    )
  })

  it('knows ISO weeks at the turn of the year', () => {
    const week = (year: number, month: number, day: number) => isoWeek(daysFromCivil(year, month, day))
    assert.deepEqual(week(2021, 1, 3), { year: 2020, week: 53 })
    assert.deepEqual(week(2024, 12, 30), { year: 2025, week: 1 })
  })
})

describe('date-time patterns', () => {
  const parse = (pattern: string, text: string) => new DateTimePattern(pattern).parse(text)

  it("follow Java's letters", () => {
    assert.strictEqual(parse('yyyy/MM/dd HH:mm', '2001/01/14 21:55'), utc('2001-01-14T21:55:00'))
    assert.strictEqual(parse('yyyy-MM-dd HH:mm:ss.SSS', '2024-02-03 04:05:06.789'), utc('2024-02-03T04:05:06.789'))
    assert.strictEqual(parse('yyyyMMddHHmmss', '20240203040506'), utc('2024-02-03T04:05:06'))
    assert.strictEqual(parse('d/M/yyyy', '3/12/2024'), utc('2024-12-03T00:00:00'))
    assert.strictEqual(parse("dd MMM yyyy 'at' hh:mm a", '03 Feb 2024 at 01:30 PM'), utc('2024-02-03T13:30:00'))
    assert.strictEqual(parse("yyyy-MM-dd'T'HH:mm[:ss]", '2024-02-03T04:05'), utc('2024-02-03T04:05:00'))
    assert.strictEqual(parse("yyyy-MM-dd'T'HH:mm[:ss]", '2024-02-03T04:05:06'), utc('2024-02-03T04:05:06'))
    assert.strictEqual(parse('yy-MM-dd', '24-02-03'), utc('2024-02-03T00:00:00'))
    assert.strictEqual(parse('yyyy-DDD', '2024-060'), utc('2024-02-29T00:00:00'))
    assert.strictEqual(parse('HH:mm', '10:20'), utc('1970-01-01T10:20:00'))
  })

  it("resolve as Java's SMART does", () => {
    assert.strictEqual(parse('yyyy-MM-dd', '2023-02-30'), utc('2023-02-28T00:00:00'))
    assert.strictEqual(parse('yyyy-MM-dd HH:mm', '2023-02-27 24:00'), utc('2023-02-28T00:00:00'))
    for (const [pattern, text] of [
      ['yyyy-MM-dd', '2023-13-01'],
      ['yyyy-MM-dd', '2023-12-32'],
      ['yyyy-MM-dd HH:mm', '2023-12-01 25:00'],
      ['yyyy-MM-dd HH:mm', '2023-12-01 24:01'],
      ['yyyy-MM-dd', '2023-1-01'],
      ['yyyy-MM-dd', '2023-01-01 '],
      ['yyyy-MM-dd', '12023-01-01'],
      ['yyyy-MM-dd', ''],
      ['hh a', '13 PM'],
    ] as const)
      assert.isNaN(parse(pattern, text), `${text} by ${pattern}`)
  })

  it('read what they print', () => {
    for (const pattern of [
      'yyyy-MM-dd HH:mm:ss.SSS',
      'yyyyMMdd HHmmssSSS',
      'dd MMMM yyyy hh:mm:ss.SSS a',
      'EEE d/M/yyyy H:m:s.SSS',
      'yyyy DDD kk:mm:ss.SSS',
    ]) {
      const compiled = new DateTimePattern(pattern)
      fc.assert(
        fc.property(fc.integer({ min: Date.UTC(1000, 0), max: Date.UTC(9999, 0) }), (millis) =>
          assert.strictEqual(compiled.parse(compiled.format(millis)), millis),
        ),
        { numRuns: 60 },
      )
    }
  })

  it('refuse letters that they do not know', () => {
    for (const pattern of ['yyyy-MM-dd z', "yyyy 'open", 'MM]', 'ddd', '{'])
      assert.throws(() => new DateTimePattern(pattern), EvaluationFailure)
  })
})

describe('time zones', () => {
  it('know summer time, gaps and overlaps as Java does', () => {
    const zone = timeZone('America/Los_Angeles')
    assert.strictEqual(utcToLocal(utc('2024-07-01T12:00:00'), zone), utc('2024-07-01T05:00:00'))
    assert.strictEqual(utcToLocal(utc('2024-01-01T12:00:00'), zone), utc('2024-01-01T04:00:00'))
    // 02:30 does not exist on 2024-03-10: it moves on by the gap. 01:30 on 2024-11-03 is there twice: the earlier one counts.
    assert.strictEqual(localToUtc(utc('2024-03-10T02:30:00'), zone), utc('2024-03-10T10:30:00'))
    assert.strictEqual(localToUtc(utc('2024-11-03T01:30:00'), zone), utc('2024-11-03T08:30:00'))
  })

  it('come back from local time to the same instant outside of overlaps', () => {
    for (const id of ['Europe/Berlin', 'Asia/Kolkata', 'Australia/Lord_Howe', 'America/St_Johns', 'UTC', '+05:30', 'GMT-3']) {
      const zone = timeZone(id)
      fc.assert(
        fc.property(fc.integer({ min: Date.UTC(1950, 0), max: Date.UTC(2100, 0) }), (millis) => {
          const local = utcToLocal(millis, zone)
          const back = localToUtc(local, zone)
          assert.strictEqual(utcToLocal(back, zone), local)
          assert.isTrue(back <= millis)
        }),
        { numRuns: 60 },
      )
    }
  })

  it('name a zone that does not exist', () => {
    assert.throws(() => timeZone('Mars/Olympus'), "unknown time zone 'Mars/Olympus'")
  })
})
