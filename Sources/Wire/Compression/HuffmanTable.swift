// Canonical Huffman codes as DEFLATE uses them, RFC 1951 §3.2.2.

/// Decodes the codes of one alphabet: short ones by a look-up, long ones bit by bit.
struct HuffmanTable: ~Copyable {
  enum Result: Equatable {
    case symbol(Int)
    /// The code goes on beyond the bits at hand.
    case needMore
    /// No symbol has this code.
    case invalid
  }

  /// Codes of up to this many bits are looked up: nearly all symbols of real text.
  private static let lookupBits = 10
  private static let longestCode = 15
  /// Marks a look-up whose bits begin no code at all.
  private static let invalidEntry: UInt16 = 0xFFFF

  /// By the next ten bits: symbol × 16 + length; 0 where the code is longer than that.
  private let lookup = FixedMemory<UInt16>(count: 1 << lookupBits, repeating: invalidEntry)
  /// Number of codes of each length.
  private let lengthCounts = FixedMemory<UInt16>(count: 16, repeating: 0)
  /// While building: the next free code of each length, and where its symbol goes.
  private let nextCode = FixedMemory<UInt16>(count: 16, repeating: 0)
  private let nextIndex = FixedMemory<UInt16>(count: 16, repeating: 0)
  /// Symbols in the order of their codes.
  private let symbols = FixedMemory<UInt16>(count: 512, repeating: 0)

  /// Takes one code from the reader; leaves it as it is unless a symbol comes out.
  @inline(__always)
  func decode(_ reader: inout BitReader) -> Result {
    let entry = lookup[Int(truncatingIfNeeded: reader.bits)]
    let length = Int(entry & 15)
    if length <= reader.count, length != 0, entry != Self.invalidEntry {
      reader.drop(length)
      return .symbol(Int(entry &>> 4))
    }
    return decodeRare(&reader, entry)
  }

  @inline(never)
  private func decodeRare(_ reader: inout BitReader, _ entry: UInt16) -> Result {
    guard reader.count > 0 else { return .needMore }
    if entry == Self.invalidEntry { return .invalid }
    if entry != 0 { return .needMore }
    var (code, first, index) = (0, 0, 0)
    for length in 1...Self.longestCode {
      guard length <= reader.count else { return .needMore }
      code |= Int(truncatingIfNeeded: reader.bits &>> UInt64(length &- 1)) & 1
      let codes = Int(lengthCounts[length])
      if code &- first < codes {
        reader.drop(length)
        return .symbol(Int(symbols[index &+ code &- first]))
      }
      index &+= codes
      first = (first &+ codes) &<< 1
      code &<<= 1
    }
    return .invalid
  }

  /// Builds the codes from the length of each symbol's code, 0 for a symbol that has none.
  ///
  /// - Parameter allowsSingleCode: whether one code of one bit, which leaves the other bit
  ///   without a meaning, is accepted, as §3.2.7 does for distances.
  /// - Returns: false if the lengths ask for more codes than there are, or leave some unused.
  func build(
    _ lengths: borrowing FixedMemory<UInt8>, _ range: Range<Int>, allowsSingleCode: Bool
  ) -> Bool {
    for length in 0...Self.longestCode { lengthCounts[length] = 0 }
    for symbol in range { lengthCounts[Int(lengths[symbol])] += 1 }
    let coded = range.count - Int(lengthCounts[0])
    lengthCounts[0] = 0
    var unused = 1
    for length in 1...Self.longestCode {
      unused = unused * 2 - Int(lengthCounts[length])
      if unused < 0 { return false }
    }
    let isSingleCode = coded == 0 || (coded == 1 && lengthCounts[1] == 1)
    guard unused == 0 || (allowsSingleCode && isSingleCode) else { return false }
    fillTables(lengths, range, unusedEntry: unused == 0 ? 0 : Self.invalidEntry)
    return true
  }

  private func fillTables(
    _ lengths: borrowing FixedMemory<UInt8>, _ range: Range<Int>, unusedEntry: UInt16
  ) {
    for index in 0..<lookup.count { lookup[index] = unusedEntry }
    nextCode[1] = 0
    nextIndex[1] = 0
    for length in 1..<Self.longestCode {
      nextCode[length + 1] = (nextCode[length] &+ lengthCounts[length]) &<< 1
      nextIndex[length + 1] = nextIndex[length] &+ lengthCounts[length]
    }
    for symbol in range {
      let length = Int(lengths[symbol])
      guard length > 0 else { continue }
      symbols[Int(nextIndex[length])] = UInt16(symbol - range.lowerBound)
      nextIndex[length] += 1
      let code = Int(nextCode[length])
      nextCode[length] &+= 1
      guard length <= Self.lookupBits else { continue }
      fillLookup(code, length: length, symbol: symbol - range.lowerBound)
    }
  }

  /// Every ten bits that begin with the code lead to its symbol. Codes are sent highest bit first.
  private func fillLookup(_ code: Int, length: Int, symbol: Int) {
    let entry = UInt16(symbol << 4 | length)
    var reversed = 0
    for bit in 0..<length { reversed |= (code >> bit & 1) << (length - 1 - bit) }
    for index in stride(from: reversed, to: lookup.count, by: 1 << length) { lookup[index] = entry }
  }
}
