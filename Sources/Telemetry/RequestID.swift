// What a request is called in the log and on the pages. A number until somebody reads it: most
// requests are over before anyone does.

package struct RequestID: Hashable, Sendable {
  /// Drawn for each loop, so that loops, and processes that write one log, name theirs differently.
  private let prefix: UInt32
  /// Of the loop's requests, counted from 1 and beginning anew after 2³².
  private let number: UInt32

  package init(prefix: UInt32, number: UInt32) {
    self.prefix = prefix
    self.number = number
  }

  /// `4f1d0a2b-0000002a`. Allocates.
  package var text: String {
    var text = [UInt8](repeating: UInt8(ascii: "-"), count: 17)
    for place in 0..<8 {
      let shift = UInt32(28 - 4 * place)
      text[place] = Self.hexDigit(prefix >> shift)
      text[place + 9] = Self.hexDigit(number >> shift)
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static func hexDigit(_ bits: UInt32) -> UInt8 {
    let digit = UInt8(truncatingIfNeeded: bits & 15)
    return digit < 10 ? 0x30 + digit : 0x57 + digit
  }
}

/// Makes the identifiers of one loop's requests, as its log lines show them.
package struct RequestIDs: Hashable, Sendable {
  let prefix: UInt32

  package init(prefix: UInt32) { self.prefix = prefix }

  /// Unlike any other of this process, and most likely of all others.
  package func id(_ number: Int) -> RequestID {
    RequestID(prefix: prefix, number: UInt32(truncatingIfNeeded: number))
  }
}
