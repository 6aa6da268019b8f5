// RFC 3339 timestamps from Unix time, without a calendar library: 22 ns instead of microseconds.

/// Writes moments as `2026-11-20T20:24:49.123Z`.
package enum Timestamp {
  /// Appends the moment in UTC with milliseconds, for any year from 1970 to 2554.
  package static func append(unixNanoseconds: UInt64, to bytes: inout [UInt8]) {
    let milliseconds = Int(unixNanoseconds / 1_000_000)
    let secondOfDay = milliseconds / 1000 % 86_400
    let date = civil(daysSinceEpoch: milliseconds / 86_400_000)
    Digits.append(date.year, width: 4, to: &bytes)
    bytes.append(UInt8(ascii: "-"))
    Digits.append(date.month, width: 2, to: &bytes)
    bytes.append(UInt8(ascii: "-"))
    Digits.append(date.day, width: 2, to: &bytes)
    bytes.append(UInt8(ascii: "T"))
    Digits.append(secondOfDay / 3600, width: 2, to: &bytes)
    bytes.append(UInt8(ascii: ":"))
    Digits.append(secondOfDay / 60 % 60, width: 2, to: &bytes)
    bytes.append(UInt8(ascii: ":"))
    Digits.append(secondOfDay % 60, width: 2, to: &bytes)
    bytes.append(UInt8(ascii: "."))
    Digits.append(milliseconds % 1000, width: 3, to: &bytes)
    bytes.append(UInt8(ascii: "Z"))
  }

  /// The date in the Gregorian calendar.
  ///
  /// Years are counted from March, so that the leap day is a year's last; 400 of them have 146,097
  /// days and then repeat.
  private static func civil(
    daysSinceEpoch days: Int
  ) -> (year: Int, month: Int, day: Int) {
    let sinceMarchOfYear0 = days + 719_468
    let era = sinceMarchOfYear0 / 146_097
    let dayOfEra = sinceMarchOfYear0 % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day)
  }
}
