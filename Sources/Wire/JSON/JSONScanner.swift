// Finds the values of known paths while JSON streams by: no tree, no event buffer, a few hundred
// bytes of state for a document of any size and depth. Everything else is skipped.

/// An incremental scanner of one JSON text after another.
///
/// It checks as much of the grammar as it needs to find its way: brackets it follows must pair,
/// strings must close, values must stand where values may. What lies under no path is skipped
/// by counting brackets, so nesting of any depth costs one integer. Bytes that are not UTF-8 are
/// tolerated: each byte that continues no scalar counts as one. Each byte is visited once.
package struct JSONScanner: ~Copyable {
  package enum Style: Sendable {
    /// One value, then nothing but white space.
    case document
    /// One array, whose elements are documents of their own: paths begin at the element.
    case elements
  }

  enum State: UInt8 {
    case value
    case firstElement
    case firstKey
    case key
    case keyBytes
    case colon
    case separator
    case string
    case lentString
    case number
    case literal
    case skipped
    case elementsBegin
    case element
    case elementSeparator
    case ended
    case failed
  }

  /// Fields, a bit each up to 63, whose texts are not captured though their paths say so: those
  /// that the caller needs once and has.
  package var uncaptured: UInt64 = 0

  /// A captured string or number is cut to this many bytes; with `long` to the second limit.
  package let captureLimitBytes: Int
  package private(set) var longCaptureLimitBytes: Int
  package private(set) var style: Style

  /// The bytes kept of the last match whose path is `captured`, until the next call of `next`.
  /// They are UTF-8 as far as the text was, and end at the limit, perhaps inside a scalar value.
  ///
  /// To be copied, byte by byte, not held: an array that is shared when the next capture begins is
  /// replaced by another of its capacity, and where the allocator has given more than was asked for,
  /// that is the capacity ever after.
  package internal(set) var captured: [UInt8] = []

  private(set) var table: JSONPathTable
  var state: State
  var match = JSONMatch(field: 0, kind: .null)

  /// The nodes of the open containers on our paths. An object is noted in `objects`, a bit each.
  var stack = InlineArray<16, UInt16>(repeating: JSONPathTable.nowhere)
  var objects: UInt32 = 0
  var depth = 0
  /// The innermost container on our paths, and the lengths of its keys.
  var innermost = JSONPathTable.nowhere
  var keyLengths: UInt64 = 0
  /// Where the value that is coming, or being read, stands in the table.
  var target = JSONPathTable.root
  /// Brackets open inside a skipped value, its own included; 0 outside of one.
  var skippedDepth = 0

  /// What is known of the string, number or skipped container being read.
  var count = 0
  var counting = false
  var capturing = false
  var escape = Escape()
  var inSkippedString = false
  var number = Number()
  var literal: UInt8 = 0
  var literalPosition = 0
  /// The part of a key that came in earlier reads, or had escapes.
  var key: [UInt8] = []

  package init(
    _ table: JSONPathTable, style: Style = .document, captureLimitBytes: Int = 256,
    longCaptureLimitBytes: Int = 256
  ) {
    self.table = table
    self.style = style
    self.captureLimitBytes = captureLimitBytes
    self.longCaptureLimitBytes = longCaptureLimitBytes
    state = style == .document ? .value : .elementsBegin
  }

  /// Forgets what was read and expects a new text, keeping the buffers.
  package mutating func reset() {
    state = style == .document ? .value : .elementsBegin
    depth = 0
    target = JSONPathTable.root
    skippedDepth = 0
    escape = Escape()
    inSkippedString = false
    if !key.isEmpty { key.removeAll(keepingCapacity: true) }
  }

  /// Expects a text of another kind, keeping the buffers.
  package mutating func begin(
    _ table: JSONPathTable, style: Style = .document, longCaptureLimitBytes: Int = 256
  ) {
    // Mostly the same, and then counted for nothing.
    if self.table !== table { self.table = table }
    self.style = style
    self.longCaptureLimitBytes = longCaptureLimitBytes
    reset()
  }

  /// The text is whole: its outermost value was closed.
  package var isComplete: Bool {
    // Only its end ends a number that stands alone.
    state == .ended || (state == .number && depth == 0)
  }

  /// The bytes are no JSON. The scanner takes no more of them until `reset()`.
  package var isFailed: Bool { state == .failed }

  /// Stands as after a whole text, for whoever knows by other means what was in it. To be called at a text's
  /// beginning.
  package mutating func skipText() { state = .ended }

  /// Nothing but white space came since the last `reset()`.
  package var isUntouched: Bool {
    depth == 0 && (state == .value || state == .elementsBegin)
  }

  /// Between two elements, or before the first, of `Style.elements`.
  package var isBetweenElements: Bool { state == .element || state == .elementSeparator }
}

// MARK: - Captures

extension JSONScanner {
  mutating func beginCapture() {
    let node = table.nodes[Int(target)]
    capturing = node.options.contains(.captured) && uncaptured >> UInt64(node.field) & 1 == 0
    if capturing && !captured.isEmpty { captured.removeAll(keepingCapacity: true) }
  }

  private var captureRoom: Int {
    let limit = options.contains(.long) ? longCaptureLimitBytes : captureLimitBytes
    return max(0, limit - captured.count)
  }

  mutating func capture(_ bytes: borrowing UncheckedBytes, _ range: Range<Int>) {
    bytes.append(range.prefix(captureRoom), to: &captured)
  }

  /// Keeps a scalar value that was written as an escape, whole or not at all.
  mutating func capture(scalar value: UInt32) {
    let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
    guard let encoded = UTF8.encode(scalar), encoded.count <= captureRoom else { return }
    captured.append(contentsOf: encoded)
  }

  var options: JSONPathOptions { table.nodes[Int(target)].options }
  var field: UInt8 { table.nodes[Int(target)].field }
}
