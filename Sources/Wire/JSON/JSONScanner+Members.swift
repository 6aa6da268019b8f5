// The fast path: members of an object that lie whole in one read. It knows nothing that the state
// machine does not know, and hands over to it wherever anything is unusual.

extension JSONScanner {
  /// Reads members from the first byte of a key on, for as long as they are whole, compact and
  /// without escapes. Returns true if it completed a match.
  mutating func scanMembers(_ bytes: borrowing UncheckedBytes, _ at: inout Int) -> Bool {
    while true {
      let start = at
      _ = scanRun(bytes, &at)
      // The key's quote, the colon, and the first byte of the value must be here.
      guard at + 2 < bytes.count, bytes[at] == UInt8(ascii: "\""),
        bytes[at + 1] == UInt8(ascii: ":")
      else {
        at = start
        scanKey(bytes, &at)
        return false
      }
      target = child(bytes, start..<at)
      at += bytes[at + 2] == UInt8(ascii: " ") ? 3 : 2
      guard at < bytes.count else {
        state = .value
        return false
      }
      if target != JSONPathTable.nowhere { return scanFoundValue(bytes, &at) }
      guard skipValue(bytes, &at), nextKey(bytes, &at) else { return false }
    }
  }

  /// A value on a path: a string that is only counted is read at once.
  @inline(__always)
  private mutating func scanFoundValue(
    _ bytes: borrowing UncheckedBytes, _ at: inout Int
  ) -> Bool {
    let node = table.nodes[Int(target)]
    let isCaptured =
      node.options.contains(.captured) && uncaptured >> UInt64(node.field) & 1 == 0
    guard bytes[at] == UInt8(ascii: "\""), node.field != 0, !isCaptured,
      !node.options.contains(.lent)
    else {
      state = .value
      return false
    }
    at += 1
    count = scanRun(bytes, &at)
    counting = true
    capturing = false
    guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else {
      state = .string
      return false
    }
    at += 1
    state = .separator
    match = JSONMatch(field: node.field, kind: .string, count: count)
    return true
  }

  /// Passes over a value that no path leads to. Returns false if the state machine must go on.
  @inline(__always)
  private mutating func skipValue(_ bytes: borrowing UncheckedBytes, _ at: inout Int) -> Bool {
    let first = bytes[at]
    if first == UInt8(ascii: "\"") {
      at += 1
      counting = false
      capturing = false
      _ = scanRun(bytes, &at)
      state = .string
      guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { return false }
      at += 1
    } else if first >= UInt8(ascii: "0") && first <= UInt8(ascii: "9") {
      let start = at
      while at < bytes.count, bytes[at] >= UInt8(ascii: "0"), bytes[at] <= UInt8(ascii: "9") {
        at += 1
      }
      // The state machine reads a number that may go on, from its beginning.
      guard at < bytes.count, bytes[at] == UInt8(ascii: ",") else {
        at = start
        state = .value
        return false
      }
    } else if at + 8 <= bytes.count, bytes.word(at: at) & 0xFFFF_FFFF == 0x6C6C_756E {
      at += 4
    } else {
      state = .value
      return false
    }
    return true
  }

  /// After a value: the comma and the quote of the next key.
  @inline(__always)
  private mutating func nextKey(_ bytes: borrowing UncheckedBytes, _ at: inout Int) -> Bool {
    state = .separator
    guard at + 1 < bytes.count, bytes[at] == UInt8(ascii: ","),
      bytes[at + 1] == UInt8(ascii: "\"")
    else { return false }
    at += 2
    state = .keyBytes
    return true
  }
}
