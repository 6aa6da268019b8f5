// Numbers and literals, which may be cut anywhere too.

extension JSONScanner {
  /// The value of a number as far as its digits came.
  struct Number {
    enum Part: UInt8 {
      case whole
      case fraction
      case exponent
    }

    var part = Part.whole
    var isNegative = false
    var isWhole = true
    var magnitude: Int64 = 0

    var integer: Int64? {
      isWhole ? (isNegative ? -magnitude : magnitude) : nil
    }
  }

  mutating func scanNumber(_ bytes: borrowing UncheckedBytes, _ at: inout Int) -> Bool {
    while at < bytes.count {
      guard takeNumber(bytes[at]) else {
        return endValue(
          JSONMatch(
            field: field, kind: .number, integer: number.integer, isCaptured: capturing))
      }
      at += 1
    }
    return false
  }

  /// Takes a byte of a number; returns false, and takes nothing, for a byte of anything else.
  @discardableResult
  mutating func takeNumber(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"):
      takeDigit(Int64(byte) - 48)
    case UInt8(ascii: "."):
      number.part = .fraction
    case UInt8(ascii: "e"), UInt8(ascii: "E"):
      number.part = .exponent
      number.isWhole = false
    case UInt8(ascii: "-"):
      number.isNegative = number.part == .whole || number.isNegative
    case UInt8(ascii: "+"):
      break
    default:
      return false
    }
    if capturing && captured.count < captureLimitBytes { captured.append(byte) }
    return true
  }

  private mutating func takeDigit(_ digit: Int64) {
    switch number.part {
    case .whole:
      let (tens, overflow) = number.magnitude.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(digit)
      number.magnitude = overflow || carry ? .max : sum
    case .fraction:
      if digit != 0 { number.isWhole = false }
    case .exponent:
      break
    }
  }

  mutating func scanLiteral(_ byte: UInt8, _ at: inout Int) -> Bool {
    // The letters, the first of them lowest.
    let (letters, length, kind): (UInt64, Int, JSONMatch.Kind) =
      switch literal {
      case UInt8(ascii: "t"): (0x65_7572_74, 4, .true)
      case UInt8(ascii: "f"): (0x65_736C_6166, 5, .false)
      default: (0x6C_6C75_6E, 4, .null)
      }
    guard UInt64(byte) == letters >> UInt64(8 * literalPosition) & 0xFF else {
      state = .failed
      return false
    }
    at += 1
    literalPosition += 1
    guard literalPosition == length else { return false }
    return endValue(JSONMatch(field: field, kind: kind))
  }
}
