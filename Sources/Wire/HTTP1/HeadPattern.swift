// Heads on kept connections mostly look like one before: the same lines in the same order, with values
// of the same lengths. A pattern is one head's fixed bytes, and comparing with it costs a tenth of parsing.

/// What the bytes of one head may be for all that was parsed of another to hold for them.
///
/// Fixed are the start line but for its query, names, whatever stands around values, and the values that
/// decide what a head means. All other values are free, and of those the pattern keeps nothing: no key,
/// no cookie and no text of one client is remembered here, or compared with another's.
struct HeadPattern: Sendable {
  /// Longer heads make no pattern, nor do shorter ones than are compared at once.
  static let sizes = 32...2048

  let count: Int
  /// The digits of a `Content-Length` that frames the body; they are free and have to be read again.
  let length: Range<Int>?
  /// Where anything may stand that is of a target.
  private let query: Range<Int>
  /// Three rows of `count` bytes: the head's own, where they are fixed; 0xFF there and 0 elsewhere;
  /// and what has to be added to a byte's lower seven bits for its highest to tell that it is allowed.
  private let rows: [UInt8]

  /// - Parameter query: the part of the start line that is free.
  /// - Parameter isFramedByLength: whether nothing but the number in `Content-Length` is of
  ///   consequence, so that it may be another.
  init?(of headers: HeaderFields, query: Range<Int>, isFramedByLength: Bool) {
    guard Self.sizes.contains(headers.bytes.count) else { return nil }
    var bounds = Bounds(headers.bytes)
    var length: Range<Int>?
    for field in headers.fields {
      if headers.name(field, is: "content-length") {
        guard isFramedByLength else { continue }
        length = field.value
        bounds.free(field.value)
      } else if !headers.decidesMeaning(field) {
        bounds.freeText(field.value)
      }
    }
    bounds.free(query)
    count = headers.bytes.count
    self.length = length
    self.query = query
    rows = bounds.text + bounds.mask + bounds.addends
  }

  /// Whether a head may end where it would if it matched. That tells most others apart that are of
  /// another length, for a tenth of what it costs to ask `matches`.
  @inline(__always)
  func mayEnd(in bytes: Span<UInt8>) -> Bool {
    bytes.count >= count && bytes[count &- 1] == HTTPOctet.lineFeed
  }

  /// Whether the bytes begin with a head for which everything holds that was parsed of the pattern's
  /// own; a `Content-Length`, if that is free, is still to be read.
  ///
  /// Any bytes may be given. The invariant, which the tests and `make fuzz` check: where this is true,
  /// `HeadCollector` takes `count` bytes, and the parser finds the same in them at the same offsets.
  func matches(_ bytes: Span<UInt8>) -> Bool {
    guard bytes.count >= count else { return false }
    // Safe: they are borrowed for as long as this lasts.
    let head = unsafe bytes.bytes
    let rows = unsafe self.rows.span.bytes
    // The end first: a head of another length differs there.
    let last = count &- Self.step
    guard agrees(head, rows, at: last) else { return false }
    var at = 0
    while at < last {
      guard agrees(head, rows, at: at) else { return false }
      at &+= Self.step
    }
    for at in query where !HTTPOctet.isTarget(bytes[at]) { return false }
    return true
  }

  /// A copy of the head that matched.
  func head(of bytes: Span<UInt8>) -> [UInt8] {
    unsafe bytes.extracting(0..<count).withUnsafeBufferPointer { unsafe Array($0) }
  }

  private typealias Step = SIMD4<UInt64>
  private static let step = 32

  /// Compares 32 bytes: the fixed ones with the pattern's, all others with what a value may hold. A tab
  /// may stand in a value and is refused here, which only means that the head is parsed.
  @inline(__always)
  private func agrees(_ head: RawSpan, _ rows: RawSpan, at: Int) -> Bool {
    // Safe: loads are bounds-checked, and every bit pattern is an integer.
    let own = unsafe head.unsafeLoadUnaligned(fromByteOffset: at, as: Step.self)
    let text = unsafe rows.unsafeLoadUnaligned(fromByteOffset: at, as: Step.self)
    let mask = unsafe rows.unsafeLoadUnaligned(fromByteOffset: count &+ at, as: Step.self)
    let addend = unsafe rows.unsafeLoadUnaligned(fromByteOffset: count &* 2 &+ at, as: Step.self)
    let ones = Step(repeating: 0x0101_0101_0101_0101)
    let low = own & (ones &* 0x7F)
    // No sum carries into the next byte: 0x7F and at most 0x80. The second finds DEL.
    let refused = (~(low &+ addend) | (low &+ ones)) & ~own & (ones &* 0x80)
    let bad = (own ^ text) & mask | refused
    return bad.x | bad.y | bad.z | bad.w == 0
  }
}

/// The rows of a pattern in the making; at first nothing is free.
private struct Bounds {
  var text: [UInt8]
  var mask: [UInt8]
  var addends: [UInt8]

  init(_ head: [UInt8]) {
    text = head
    mask = Array(repeating: 0xFF, count: head.count)
    addends = Array(repeating: 0x80, count: head.count)
  }

  /// Allows any byte but DEL, and forgets the head's own.
  mutating func free(_ range: Range<Int>) {
    for at in range { (text[at], mask[at]) = (0, 0) }
  }

  /// Allows what a value may hold: no control character, and no space at its ends, which would belong
  /// to what stands around it.
  mutating func freeText(_ value: Range<Int>) {
    free(value)
    for at in value { addends[at] = 0x80 - 0x20 }
    for at in [value.first, value.last].compactMap(\.self) { addends[at] = 0x80 - 0x21 }
  }
}

extension HeaderFields {
  /// Whether more than a field's name counts when a head is parsed. Whoever makes a parser look at
  /// another value has to add its field here.
  fileprivate func decidesMeaning(_ field: Field) -> Bool {
    name(field, is: "host") || name(field, is: "connection") || name(field, is: "expect")
      || name(field, is: "transfer-encoding") || name(field, is: "upgrade")
  }
}

extension BodyFraming {
  var isLength: Bool {
    if case .length = self { true } else { false }
  }
}
