// The blocks of DEFLATE data, RFC 1951 §3.2.3 to §3.2.7.

/// The codes of the block at hand, and what builds them.
struct BlockTables: ~Copyable {
  let literals = HuffmanTable()
  let distances = HuffmanTable()
  /// Code lengths as they are read: those of literals and lengths, then those of distances.
  let lengths = FixedMemory<UInt8>(count: 512, repeating: 0)
  var literalCodes = 0
  var distanceCodes = 0
  var codeLengthCodes = 0
  /// Whether the tables hold the fixed codes. Servers that flush each event send many small
  /// blocks of them, which need no new tables.
  var areFixed = false

  init() {}

  /// The codes of §3.2.6.
  mutating func useFixedCodes() {
    guard !areFixed else { return }
    for symbol in 0..<288 {
      lengths[symbol] = symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8
    }
    for symbol in 288..<320 { lengths[symbol] = 5 }
    let isComplete =
      literals.build(lengths, 0..<288, allowsSingleCode: false)
      && distances.build(lengths, 288..<320, allowsSingleCode: false)
    precondition(isComplete, "the fixed codes are complete by their definition")
    areFixed = true
  }

  /// The codes whose lengths have all been read. A block without a code for its end is refused.
  mutating func useReadCodes() throws(InflateError) {
    let split = literalCodes
    let total = literalCodes + distanceCodes
    guard lengths[256] != 0,
      literals.build(lengths, 0..<split, allowsSingleCode: true),
      distances.build(lengths, split..<total, allowsSingleCode: true)
    else { throw .codeLengths }
  }
}

/// The order in which the lengths of the code length codes are sent (§3.2.7).
private let codeLengthOrder: [UInt8] = [
  16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
]

// MARK: - Heads of blocks

extension Inflate {
  func startBlock() throws(InflateError) -> Bool {
    if isLastBlock {
      isLastBlock = false
      endBlocks()
      return true
    }
    guard let head = reader.take(3) else { return false }
    isLastBlock = head & 1 == 1
    switch head >> 1 {
    case 0:
      reader.alignToByte()
      state = .storedLength
    case 1:
      tables.useFixedCodes()
      state = .symbols
    case 2:
      state = .tableSizes
    default:
      throw .blockType
    }
    return true
  }

  func readStoredLength() throws(InflateError) -> Bool {
    guard let word = reader.take(32) else { return false }
    let length = word & 0xFFFF
    guard length == ~(word >> 16) & 0xFFFF else { throw .storedLength }
    state = .stored(remaining: length)
    return true
  }

  /// Copies bytes as they are: first those that the bit reader took already.
  func copyStored(
    _ remaining: Int, _ bytes: Span<UInt8>, _ position: inout Int, _ sink: (Span<UInt8>) -> Void
  ) throws(InflateError) -> Bool {
    var remaining = remaining
    while remaining > 0, let byte = reader.take(8) {
      try write(UInt8(truncatingIfNeeded: byte), sink)
      remaining &-= 1
    }
    while remaining > 0, position < bytes.count {
      try write(bytes[position], sink)
      position &+= 1
      remaining &-= 1
    }
    state = remaining == 0 ? .blockStart : .stored(remaining: remaining)
    return remaining == 0
  }

  func readTableSizes() throws(InflateError) -> Bool {
    guard let word = reader.take(14) else { return false }
    tables.areFixed = false
    tables.literalCodes = word & 31 + 257
    tables.distanceCodes = word >> 5 & 31 + 1
    tables.codeLengthCodes = word >> 10 + 4
    guard tables.literalCodes <= 286, tables.distanceCodes <= 30 else { throw .codeLengths }
    for index in 0..<codeLengthOrder.count { tables.lengths[index] = 0 }
    state = .codeLengthLengths(read: 0)
    return true
  }

  func readCodeLengthLengths(from first: Int) throws(InflateError) -> Bool {
    for index in first..<tables.codeLengthCodes {
      guard let length = reader.take(3) else {
        state = .codeLengthLengths(read: index)
        return index > first
      }
      tables.lengths[Int(codeLengthOrder[index])] = UInt8(length)
    }
    guard
      tables.literals.build(
        tables.lengths, 0..<codeLengthOrder.count, allowsSingleCode: false)
    else { throw .codeLengths }
    state = .codeLengths(read: 0)
    return true
  }

  /// Reads one length or one repetition; the two alphabets are one sequence (§3.2.7).
  func readCodeLengths(from first: Int) throws(InflateError) -> Bool {
    let total = tables.literalCodes + tables.distanceCodes
    guard first < total else {
      try tables.useReadCodes()
      state = .symbols
      return true
    }
    var attempt = reader
    let symbol: Int
    switch tables.literals.decode(&attempt) {
    case .needMore: return false
    case .invalid: throw .codeLengths
    case .symbol(let found): symbol = found
    }
    let extraBits = [2, 3, 7]
    var count = 1
    if symbol >= 16 {
      guard let extra = attempt.take(extraBits[symbol - 16]) else { return false }
      count = extra + (symbol == 18 ? 11 : 3)
    }
    if symbol == 16, first == 0 { throw .codeLengths }
    guard first + count <= total else { throw .codeLengths }
    reader = attempt
    let length = symbol < 16 ? UInt8(symbol) : symbol == 16 ? tables.lengths[first - 1] : 0
    for index in first..<first + count { tables.lengths[index] = length }
    state = .codeLengths(read: first + count)
    return true
  }
}

// MARK: - Symbols

extension Inflate {
  /// Decodes symbols until the block ends; false when bits are missing.
  ///
  /// A length and its distance take at most 48 bits and the reader holds up to 64, so a pair that
  /// is not all there is begun again from its first bit when more bytes come.
  func inflateSymbols(
    _ bytes: Span<UInt8>, _ position: inout Int, _ sink: (Span<UInt8>) -> Void
  ) throws(InflateError) -> Bool {
    var reader = reader
    defer { self.reader = reader }
    while true {
      reader.fill(bytes, &position)
      var attempt = reader
      switch tables.literals.decode(&attempt) {
      case .needMore: return false
      case .invalid: throw .symbol
      case .symbol(let symbol):
        if symbol < endOfBlock {
          try write(UInt8(truncatingIfNeeded: symbol), sink)
        } else if symbol == endOfBlock {
          reader = attempt
          state = .blockStart
          return true
        } else {
          guard let match = try readMatch(symbol, &attempt) else { return false }
          try copyMatch(match, sink)
        }
        reader = attempt
      }
    }
  }

  private struct Match {
    var length: Int
    var distance: Int
  }

  /// Length and distance of a match whose length symbol was read (§3.2.5); nil when bits are
  /// missing.
  @inline(__always)
  private func readMatch(
    _ symbol: Int, _ reader: inout BitReader
  ) throws(InflateError) -> Match? {
    guard symbol <= lastLengthSymbol else { throw .symbol }
    let (lengthBase, lengthBits) = lengthCode(symbol - 257)
    guard let lengthExtra = reader.take(lengthBits) else { return nil }
    switch tables.distances.decode(&reader) {
    case .needMore: return nil
    case .invalid: throw .symbol
    case .symbol(let code):
      guard code < 30 else { throw .symbol }
      let (distanceBase, distanceBits) = distanceCode(code)
      guard let distanceExtra = reader.take(distanceBits) else { return nil }
      let distance = distanceBase + distanceExtra
      guard distance <= reach else { throw .distance }
      return Match(length: lengthBase + lengthExtra, distance: distance)
    }
  }

  @inline(__always)
  private func write(_ byte: UInt8, _ sink: (Span<UInt8>) -> Void) throws(InflateError) {
    window[windowPosition] = byte
    windowPosition &+= 1
    if windowPosition == window.count { try wrapWindow(sink) }
  }

  @inline(__always)
  private func copyMatch(_ match: Match, _ sink: (Span<UInt8>) -> Void) throws(InflateError) {
    var remaining = match.length
    while remaining > 0 {
      let length = min(remaining, window.count &- windowPosition)
      window.repeatElements(
        from: windowPosition &- match.distance, to: windowPosition, length: length)
      windowPosition &+= length
      remaining &-= length
      if windowPosition == window.count { try wrapWindow(sink) }
    }
  }
}

private let endOfBlock = 256
private let lastLengthSymbol = 285

/// The table of lengths in §3.2.5 as a formula: from the ninth on, four codes share each number
/// of extra bits; the last one stands for 258 alone.
@inline(__always)
private func lengthCode(_ code: Int) -> (base: Int, extraBits: Int) {
  if code < 8 { return (3 &+ code, 0) }
  if code == 28 { return (258, 0) }
  let bits = (code &- 4) &>> 2
  return ((4 &+ code & 3) &<< bits &+ 3, bits)
}

/// The table of distances in §3.2.5 as a formula: two codes share each number of extra bits.
@inline(__always)
private func distanceCode(_ code: Int) -> (base: Int, extraBits: Int) {
  if code < 4 { return (code &+ 1, 0) }
  let bits = code &>> 1 &- 1
  return ((2 &+ code & 1) &<< bits &+ 1, bits)
}
