// The events of one answer, one after the other: recorded or generated, whole or cut short.

struct EventSource {
  enum Origin {
    case recorded(Recording)
    /// `count` nil is without end. The provider's end mark follows the last.
    case generated(EventTemplate, count: Int?)
  }

  private let origin: Origin
  /// After so many events no more come; nil for all there are.
  private let limit: Int?
  private let repeats: Bool
  /// Comes after the last event: an error event, in general.
  private var extra: [UInt8]
  private var position = 0

  /// With `repeats`, a recording begins anew after its last event.
  init(_ origin: Origin, limit: Int? = nil, repeats: Bool = false, extra: [UInt8] = []) {
    self.origin = origin
    self.limit = limit
    self.repeats = repeats
    self.extra = extra
  }

  /// An answer without a body.
  static let empty = EventSource(
    .recorded(Recording(name: "", contentType: "", body: [])))

  var isAtEnd: Bool { extra.isEmpty && !hasEvent }

  private var hasEvent: Bool {
    if let limit, position >= limit { return false }
    switch origin {
    case .recorded(let recording):
      return position < recording.ends.count || (repeats && !recording.ends.isEmpty)
    // The end mark is one more.
    case .generated(_, let count): return repeats || count.map { position <= $0 } ?? true
    }
  }

  /// Appends the next event; the caller has made sure that there is one.
  mutating func appendNext(to out: inout [UInt8], now: () -> UInt64) {
    guard hasEvent else {
      out += extra
      extra = []
      return
    }
    switch origin {
    case .recorded(let recording):
      let place = position % recording.ends.count
      let start = place == 0 ? 0 : recording.ends[place - 1]
      out.append(contentsOf: recording.body[start..<recording.ends[place]])
    case .generated(let template, let count):
      if position == count && !repeats {
        out.append(contentsOf: EventTemplate.end)
      } else {
        template.append(position, sentNanoseconds: now(), to: &out)
      }
    }
    position += 1
  }

  /// The sum of `size` over the sizes of all events; nil is without end.
  ///
  /// With `ignoresLimit`, as if the limit and what comes at it were not there.
  func total(ignoresLimit: Bool, _ size: (Int) -> Int) -> Int? {
    guard !repeats else { return nil }
    let limit = ignoresLimit ? nil : limit
    var total = ignoresLimit || extra.isEmpty ? 0 : size(extra.count)
    switch origin {
    case .recorded(let recording):
      var start = 0
      for end in recording.ends.prefix(limit ?? .max) {
        total += size(end - start)
        start = end
      }
    case .generated(let template, let count):
      guard let count else { return limit.map { total + $0 * size(template.size) } }
      total += min(limit ?? .max, count) * size(template.size)
      if count < limit ?? .max { total += size(EventTemplate.end.count) }
    }
    return total
  }
}
