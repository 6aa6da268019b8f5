// What the heads of one loop's connections look like. A head that looks like one before is not parsed:
// what was found in that one holds for it.

internal import Synchronization

/// Names what all heads of one template have in common, which is everything but the bytes of some values.
package struct HeadForm: Equatable, Sendable {
  /// 0 of heads that were parsed.
  package let number: UInt64

  /// Of heads that were parsed.
  package static var none: HeadForm { HeadForm(number: 0) }
  private static let count = Atomic<UInt64>(0)

  private init(number: UInt64) { self.number = number }

  /// A form that no other memory of the process gives: what is remembered by form is then never taken
  /// for another's.
  static func new() -> HeadForm {
    HeadForm(number: count.add(1, ordering: .relaxed).newValue)
  }
}

/// The last forms of heads that were read in full.
///
/// A memory may be emptied, or asked for nothing, at any time, and no head is read otherwise. What it
/// keeps of one head holds no value of a field but of those that decide what a head means; see
/// `HeadPattern`.
package struct HeadMemory {
  private var requests = HeadTemplates<RequestHead>()
  private var responses = HeadTemplates<ResponseHead>()
  private var credit = LearningCredit()

  package init() {}

  /// The head that `bytes` begin with, if it is whole, within the limit, and looks like one before. It
  /// has taken `headers.bytes.count` of them.
  package mutating func request(in bytes: Span<UInt8>, limitBytes: Int) -> RequestHead? {
    guard let place = requests.place(of: bytes, limitBytes, answersHEAD: false),
      let framing = requests.framing(of: bytes, place)
    else { return nil }
    return RequestHead(
      requests.entries[place].pattern.head(of: bytes), like: requests.entries[place].head, framing,
      requests.entries[place].form)
  }

  /// The same for an answer.
  package mutating func response(
    in bytes: Span<UInt8>, limitBytes: Int, answeringHEAD: Bool
  ) -> ResponseHead? {
    guard let place = responses.place(of: bytes, limitBytes, answersHEAD: answeringHEAD),
      let framing = responses.framing(of: bytes, place)
    else { return nil }
    return ResponseHead(
      responses.entries[place].pattern.head(of: bytes), like: responses.entries[place].head,
      framing, responses.entries[place].form)
  }

  /// Expects heads like this one, which had to be parsed.
  package mutating func learn(_ head: RequestHead) {
    guard credit.allowsLearning(), let query = head.query else { return }
    let pattern = HeadPattern(
      of: head.headers, query: query, isFramedByLength: head.framing.isLength)
    guard let pattern else { return }
    requests.add(
      HeadTemplate(
        pattern, RequestHead([], like: head, head.framing, .none), head.framing, answersHEAD: false)
    )
  }

  package mutating func learn(_ head: ResponseHead, answeringHEAD: Bool) {
    guard credit.allowsLearning() else { return }
    let pattern = HeadPattern(
      of: head.headers, query: 0..<0, isFramedByLength: head.framing.isLength)
    guard let pattern else { return }
    responses.add(
      HeadTemplate(
        pattern, ResponseHead([], like: head, head.framing, .none), head.framing,
        answersHEAD: answeringHEAD))
  }
}

/// How often it is worth to learn. A pattern costs some thirty instructions a byte of its head, and where
/// nothing comes twice a miss shall not cost much more than it must.
package struct LearningCredit: Sendable {
  private var misses: UInt16 = limit
  private static let price: UInt16 = 64
  /// What comes first is learnt at once.
  private static let limit: UInt16 = 8 * price

  package init() {}

  /// Counts a miss; whether to learn from it.
  package mutating func allowsLearning() -> Bool {
    misses = min(misses + 1, Self.limit)
    guard misses >= Self.price else { return false }
    misses -= Self.price
    return true
  }
}

/// One head's pattern, and what was parsed of it, without its bytes.
private struct HeadTemplate<Head> {
  let pattern: HeadPattern
  let head: Head
  let framing: BodyFraming
  let answersHEAD: Bool
  let form = HeadForm.new()
  var lastUse: UInt64 = 0

  init(_ pattern: HeadPattern, _ head: Head, _ framing: BodyFraming, answersHEAD: Bool) {
    self.pattern = pattern
    self.head = head
    self.framing = framing
    self.answersHEAD = answersHEAD
  }
}

private struct HeadTemplates<Head> {
  private(set) var entries: [HeadTemplate<Head>] = []
  private var latest = 0
  private var uses: UInt64 = 0
  private static var limit: Int { 8 }

  /// The template that the bytes match, the one used last before all others.
  mutating func place(
    of bytes: Span<UInt8>, _ limitBytes: Int, answersHEAD: Bool
  ) -> Int? {
    guard !entries.isEmpty else { return nil }
    var place = latest
    for _ in entries.indices {
      if entries[place].answersHEAD == answersHEAD, entries[place].pattern.count <= limitBytes,
        entries[place].pattern.mayEnd(in: bytes), entries[place].pattern.matches(bytes)
      {
        noteUse(of: place)
        return place
      }
      place = place &+ 1 == entries.count ? 0 : place &+ 1
    }
    return nil
  }

  /// How the body of a head that matches is framed; nil where its `Content-Length` is none.
  func framing(of bytes: Span<UInt8>, _ place: Int) -> BodyFraming? {
    guard let length = entries[place].pattern.length else { return entries[place].framing }
    guard let number = try? BodyFraming.contentLength(bytes, length) else { return nil }
    return .length(number)
  }

  /// The one that has been of no use for longest gives way.
  mutating func add(_ template: HeadTemplate<Head>) {
    var place = entries.count
    if entries.count < Self.limit {
      entries.append(template)
    } else {
      place = 0
      for other in entries.indices where entries[other].lastUse < entries[place].lastUse {
        place = other
      }
      entries[place] = template
    }
    noteUse(of: place)
  }

  private mutating func noteUse(of place: Int) {
    uses &+= 1
    entries[place].lastUse = uses
    latest = place
  }
}
