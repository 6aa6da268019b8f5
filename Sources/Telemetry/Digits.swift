// Integers and fixed-point numbers as decimal digits.

enum Digits {
  /// Appends `value` × 10^-`decimals` without trailing zeros after the point: 12300 with 3 is
  /// `12.3`.
  static func append(_ value: UInt64, decimals: Int, to bytes: inout [UInt8]) {
    var digits = InlineArray<40, UInt8>(repeating: 0)
    var (rest, start) = (value, digits.count)
    var place = 0
    var isTrailingZero = decimals > 0
    repeat {
      let digit = UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
      if place == decimals, !isTrailingZero, decimals > 0 {
        start -= 1
        digits[start] = UInt8(ascii: ".")
      }
      if place >= decimals { isTrailingZero = false }
      if digit != 0 { isTrailingZero = false }
      if !isTrailingZero {
        start -= 1
        digits[start] = UInt8(ascii: "0") + digit
      }
      place += 1
    } while rest > 0 || place <= decimals
    for index in start..<digits.count { bytes.append(digits[index]) }
  }

  /// Appends `value` with zeros in front up to `width` digits.
  static func append(_ value: Int, width: Int, to bytes: inout [UInt8]) {
    var divisor = 1
    for _ in 1..<width { divisor *= 10 }
    while divisor > 0 {
      bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / divisor % 10))
      divisor /= 10
    }
  }
}
