// One stream as a hub's socket brings it: each event once, in its order, and the proper end only
// behind the last.

internal import Wire

/// What weir says on a socket, as far as it matters here.
struct SocketWord {
  private(set) var type = ""
  private(set) var id: String?
  private(set) var stream: String?
  private(set) var sequence = 0
  private(set) var data = ""
  private(set) var isTail = false
  private(set) var gap = 0...0
  private(set) var reason = ""

  init?(_ message: [UInt8]) {
    guard let document = JSONDocument(message) else { return nil }
    var (first, last) = (0, 0)
    for (name, value) in document.members(of: document.root) {
      switch name {
      case "type": type = document.string(value) ?? ""
      case "id": id = document.string(value)
      case "stream": stream = document.string(value)
      case "sequence": sequence = document.integer(value) ?? -1
      case "data": data = document.string(value) ?? ""
      case "tail": isTail = document.bool(value) ?? false
      case "first": first = document.integer(value) ?? 0
      case "last": last = document.integer(value) ?? 0
      case "error":
        for (name, value) in document.members(of: value) where name == "reason" {
          reason = document.string(value) ?? ""
        }
      default: break
      }
    }
    guard first <= last else { return nil }
    gap = first...last
  }
}

final class SocketTrack {
  let plan: ExchangePlan
  private let stream: KeptStream
  /// Bytes of the stream, framing included, in place of what its events say.
  private let isRaw: Bool
  /// The last event that came.
  private(set) var sequence: Int
  private(set) var isOver = false
  private(set) var isWhole = false
  private var hasTail = false
  /// It broke off inside the CRLF that ends the last event, which is whole without its LF.
  private var isBrokenOff = false

  init(_ plan: ExchangePlan, _ stream: KeptStream, after: Int, isRaw: Bool) {
    self.plan = plan
    self.stream = stream
    self.isRaw = isRaw
    sequence = after
  }

  /// Returns what is wrong with it.
  func hear(_ word: SocketWord, isPeaceful: Bool) -> String? {
    let story = "\(plan.number) at \(sequence), raw: \(isRaw): \(word)"
    if isOver { return "after its end: \(story)" }
    if isBrokenOff, ["chunk", "gap", "done"].contains(word.type) {
      return "after it broke off: \(story)"
    }
    switch word.type {
    case "subscribed": return nil
    case "unsubscribed": isOver = true
    case "chunk" where word.isTail:
      // Of a stream that broke off, what there is of its next event.
      hasTail = sequence == stream.events.count && word.data.utf8.elementsEqual(stream.tail)
      if !stream.bytes(after: sequence).starts(with: word.data.utf8) {
        return "a wrong tail: \(story)"
      }
    case "chunk":
      sequence += 1
      guard word.sequence == sequence, sequence <= stream.events.count else {
        return "a wrong event: \(story)"
      }
      let right =
        isRaw ? stream.events[sequence - 1] : Array(stream.contents[sequence - 1].utf8)
      guard !word.data.utf8.elementsEqual(right) else { return nil }
      isBrokenOff =
        isRaw && !isPeaceful && right.suffix(2) == [13, 10]
        && word.data.utf8.elementsEqual(right.dropLast())
      if !isBrokenOff { return "another event: \(story)" }
    case "gap":
      if isPeaceful || word.gap.lowerBound != sequence + 1 { return "a wrong gap: \(story)" }
      sequence = word.gap.upperBound
    case "done":
      (isOver, isWhole) = (true, true)
      let isAll = sequence == stream.events.count && (hasTail || !isRaw || stream.tail.isEmpty)
      if !isAll || !plan.isWhole || word.sequence != sequence { return "a part for all: \(story)" }
    case "error":
      isOver = true
      if isPeaceful { return "no end: \(story)" }
    default: return "no word: \(story)"
    }
    return nil
  }
}
