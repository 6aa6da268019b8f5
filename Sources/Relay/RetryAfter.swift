// How long a provider asks to be left alone: `Retry-After` (RFC 9110 §10.2.3), and the finer field
// that OpenAI and Azure send beside it.

internal import Wire

extension HeaderFields {
  /// nil if nothing readable is said; zero for a time that is over.
  func retryAfter(wallClockNanoseconds now: UInt64) -> Duration? {
    if let value = first("retry-after-ms"), let milliseconds = number(value) {
      return .milliseconds(milliseconds)
    }
    guard let value = first("retry-after") else { return nil }
    if let seconds = number(value) { return .seconds(seconds) }
    guard let date = HTTPDate(Array(bytes[value])) else { return nil }
    let seconds = UInt64(max(0, date.unixSeconds))
    return .seconds(Int64(clamping: seconds) - Int64(clamping: now / 1_000_000_000))
      .clampedToZero
  }

  /// Digits alone; whatever is beyond a year is one.
  private func number(_ value: Range<Int>) -> Int64? {
    guard !value.isEmpty, value.count <= 18 else { return nil }
    var number: Int64 = 0
    for octet in bytes[value] {
      guard octet >= 0x30, octet <= 0x39 else { return nil }
      number = number * 10 + Int64(octet - 0x30)
    }
    return number
  }
}

extension Duration {
  fileprivate var clampedToZero: Duration { max(self, .zero) }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that is still sent (RFC 9110 §5.6.7).
struct HTTPDate {
  var unixSeconds: Int

  init?(_ text: [UInt8]) {
    guard text.count == 29, text[3] == UInt8(ascii: ","), text.suffix(4).elementsEqual(" GMT".utf8)
    else { return nil }
    func digits(_ range: Range<Int>) -> Int? {
      Int(String(decoding: text[range], as: UTF8.self))
    }
    let months = "JanFebMarAprMayJunJulAugSepOctNovDec"
    let name = String(decoding: text[8..<11], as: UTF8.self)
    guard let day = digits(5..<7), let year = digits(12..<16), let hour = digits(17..<19),
      let minute = digits(20..<22), let second = digits(23..<25),
      let found = months.firstRange(of: name)
    else { return nil }
    let offset = months.distance(from: months.startIndex, to: found.lowerBound)
    guard offset % 3 == 0, (1...31).contains(day), (0...23).contains(hour),
      (0...59).contains(minute), (0...60).contains(second), (1970...9999).contains(year)
    else { return nil }
    let days = Self.days(year, offset / 3 + 1, day)
    unixSeconds = days * 86_400 + hour * 3600 + minute * 60 + second
  }

  /// Days since 1970-01-01 of a date of the Gregorian calendar.
  private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
    // Years that begin in March have their leap day at their end.
    let shifted = month > 2 ? year : year - 1
    let inYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + inYear - 719_468
  }
}
