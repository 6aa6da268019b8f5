// The scanner's state machine: where values begin and end, which of them are on a path, and how
// the others are passed over.

extension JSONScanner {
  /// Reads `bytes` from `position` on, up to the next match or to the end.
  ///
  /// Returns nil when the bytes are used up, or when they are no JSON (`isFailed`; the position
  /// then stands at the end as well). A text may be cut anywhere between calls.
  package mutating func next(_ bytes: Span<UInt8>, from position: inout Int) -> JSONMatch? {
    guard position < bytes.count, state != .failed else {
      position = bytes.count
      return nil
    }
    // The scanner's loops decide the side path's cost; see `UncheckedBytes`.
    return unsafe bytes.withUnsafeBufferPointer { buffer in
      let unchecked = unsafe UncheckedBytes(buffer)
      return run(unchecked, &position)
    }
  }

  private mutating func run(
    _ bytes: borrowing UncheckedBytes, _ position: inout Int
  ) -> JSONMatch? {
    var at = position
    while at < bytes.count {
      if step(bytes, &at) {
        position = at
        return match
      }
    }
    position = at
    return nil
  }

  /// One token, or the part of it that is here. Returns true if it completed a match.
  @inline(__always)
  private mutating func step(_ bytes: borrowing UncheckedBytes, _ at: inout Int) -> Bool {
    switch state {
    case .string:
      return scanString(bytes, &at) && endString()
    case .lentString:
      return scanLentString(bytes, &at)
    case .keyBytes:
      if key.isEmpty && escape.phase == .none && escape.highSurrogate == 0 {
        return scanMembers(bytes, &at)
      }
      scanKeyInPieces(bytes, &at)
      return false
    case .skipped:
      return scanSkipped(bytes, &at)
    case .number:
      return scanNumber(bytes, &at)
    case .literal:
      return scanLiteral(bytes[at], &at)
    case .failed:
      at = bytes.count
      return false
    default:
      let byte = bytes[at]
      at += 1
      if Self.isWhiteSpace(byte) { return false }
      // The commonest of all sequences: a comma, and the next member's key.
      if state == .separator && byte == UInt8(ascii: ",") {
        expectMember()
        if state == .key && at < bytes.count && bytes[at] == UInt8(ascii: "\"") {
          at += 1
          state = .keyBytes
        }
        return false
      }
      return scanStructure(byte)
    }
  }

  private mutating func scanStructure(_ byte: UInt8) -> Bool {
    switch (state, byte) {
    case (.firstKey, UInt8(ascii: "\"")), (.key, UInt8(ascii: "\"")):
      state = .keyBytes
    case (.colon, UInt8(ascii: ":")):
      state = .value
    case (.separator, UInt8(ascii: "}")), (.firstKey, UInt8(ascii: "}")),
      (.separator, UInt8(ascii: "]")), (.firstElement, UInt8(ascii: "]")):
      return closeContainer(byte)
    case (.value, _), (.firstElement, _):
      return beginValue(byte)
    case (.elementsBegin, _), (.element, _), (.elementSeparator, _):
      return scanBetweenElements(byte)
    default:
      state = .failed
    }
    return false
  }

  static func isWhiteSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
  }
}

// MARK: - Values

extension JSONScanner {
  private mutating func beginValue(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "\""):
      count = 0
      counting = field != 0 && !options.contains(.lent)
      beginCapture()
      state = options.contains(.lent) ? .lentString : .string
    case UInt8(ascii: "{"):
      return openContainer(isObject: true)
    case UInt8(ascii: "["):
      return openContainer(isObject: false)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      number = Number()
      beginCapture()
      state = .number
      takeNumber(byte)
    case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"):
      literal = byte
      literalPosition = 1
      state = .literal
    default:
      state = .failed
    }
    return false
  }

  /// Hands out a run of the string's bytes, or the bytes that one escape stands for.
  private mutating func scanLentString(
    _ bytes: borrowing UncheckedBytes, _ at: inout Int
  ) -> Bool {
    let start = at
    if escape.phase == .none { _ = scanRun(bytes, &at) }
    if at > start {
      match = JSONMatch(field: field, kind: .stringPiece, piece: start..<at)
      return true
    }
    captured.removeAll(keepingCapacity: true)
    capturing = true
    let closes = scanString(bytes, &at, escapesOnly: true)
    capturing = false
    if closes { return endString() }
    match = JSONMatch(field: field, kind: .stringPiece)
    return !captured.isEmpty
  }

  private mutating func endString() -> Bool {
    endValue(JSONMatch(field: field, kind: .string, count: count, isCaptured: capturing))
  }

  /// The value read is whole. Returns true if it was looked for.
  mutating func endValue(_ found: JSONMatch) -> Bool {
    if depth > 0 {
      state = .separator
    } else if style == .document {
      state = .ended
    } else {
      state = .elementSeparator
      match = JSONMatch(field: 0, kind: .elementEnded)
      return true
    }
    guard found.field != 0 else { return false }
    match = found
    return true
  }

  private mutating func openContainer(isObject: Bool) -> Bool {
    let node = table.nodes[Int(target)]
    let kind: JSONMatch.Kind = isObject ? .objectBegan : .arrayBegan
    if node.hasChildren {
      stack[depth] = target
      innermost = target
      objects = isObject ? objects | 1 << UInt32(depth) : objects & ~(1 << UInt32(depth))
      depth += 1
      keyLengths = node.keyLengths
      state = isObject ? .firstKey : .firstElement
      if !isObject { target = node.element }
    } else {
      skippedDepth = 1
      count = 1
      counting = node.options.contains(.measured)
      capturing = false
      state = .skipped
      if counting { return false }
    }
    guard node.field != 0 else { return false }
    match = JSONMatch(field: node.field, kind: kind)
    return true
  }

  private mutating func closeContainer(_ byte: UInt8) -> Bool {
    let isObject = byte == UInt8(ascii: "}")
    guard depth > 0, (objects >> UInt32(depth - 1) & 1 == 1) == isObject else {
      state = .failed
      return false
    }
    depth -= 1
    target = stack[depth]
    if depth > 0 {
      innermost = stack[depth - 1]
      keyLengths = table.nodes[Int(innermost)].keyLengths
    }
    let scoped = options.contains(.scoped) && field != 0
    let kind: JSONMatch.Kind = isObject ? .objectEnded : .arrayEnded
    return endValue(JSONMatch(field: scoped ? field : 0, kind: kind))
  }

  private mutating func expectMember() {
    if objects >> UInt32(depth - 1) & 1 == 1 {
      state = .key
    } else {
      target = table.nodes[Int(innermost)].element
      state = .value
    }
  }

  /// The outermost array's own brackets and commas.
  private mutating func scanBetweenElements(_ byte: UInt8) -> Bool {
    switch (state, byte) {
    case (.elementsBegin, UInt8(ascii: "[")):
      state = .element
    case (.elementSeparator, UInt8(ascii: ",")):
      state = .element
    case (.element, UInt8(ascii: "]")), (.elementSeparator, UInt8(ascii: "]")):
      state = .ended
      match = JSONMatch(field: 0, kind: .elementsEnded)
      return true
    case (.element, _):
      target = JSONPathTable.root
      return beginValue(byte)
    default:
      state = .failed
    }
    return false
  }
}

// MARK: - What no path leads to

extension JSONScanner {
  /// Passes over a container, or measures it, by counting its brackets.
  private mutating func scanSkipped(_ bytes: borrowing UncheckedBytes, _ at: inout Int) -> Bool {
    while at < bytes.count {
      if inSkippedString {
        guard skipString(bytes, &at) else { return false }
        inSkippedString = false
        count += 2
        continue
      }
      let byte = bytes[at]
      at += 1
      switch byte {
      case UInt8(ascii: "\""):
        inSkippedString = true
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        skippedDepth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        skippedDepth -= 1
      default:
        if Self.isWhiteSpace(byte) { continue }
      }
      count += 1
      if skippedDepth == 0 { return endSkipped(byte) }
    }
    return false
  }

  private mutating func endSkipped(_ byte: UInt8) -> Bool {
    let kind: JSONMatch.Kind = byte == UInt8(ascii: "}") ? .objectEnded : .arrayEnded
    let reported = counting || options.contains(.scoped)
    return endValue(
      JSONMatch(field: reported ? field : 0, kind: kind, count: counting ? count : 0))
  }
}
