// What weir may put between the bytes of server-sent events, where a reader has asked for it.

/// Text of weir's own for `text/event-stream`.
package enum EventWeaving {
  /// Appends the events of `run`, each with a line `id: <number>` as its last.
  ///
  /// It stands right before the blank line: an id before a comment's blank line would be taken for
  /// seen before its event has come, and one before the provider's own `id` would not be the one
  /// that counts (WHATWG HTML §9.2.6).
  package static func appendNumbered(_ run: StreamRun, to bytes: inout [UInt8]) {
    guard !run.ends.isEmpty else { return run.append(to: &bytes) }
    run.forEachEvent { number, event in
      let blankLine = event.suffix(blankLineLength(event))
      bytes.append(contentsOf: event.dropLast(blankLine.count))
      bytes.append(contentsOf: "id: \(number)\n".utf8)
      bytes.append(contentsOf: blankLine)
    }
  }

  private static func blankLineLength(_ event: ArraySlice<UInt8>) -> Int {
    event.last == UInt8(ascii: "\n") && event.dropLast().last == UInt8(ascii: "\r") ? 2 : 1
  }

  /// An event that tells which events were left out, because their reader did not keep up.
  package static func gap(_ numbers: Range<Int>) -> [UInt8] {
    Array(
      ("event: weir.gap\ndata: {\"first\":\(numbers.lowerBound),"
        + "\"last\":\(numbers.upperBound - 1)}\n\n").utf8)
  }
}
