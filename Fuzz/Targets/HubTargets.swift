// Kept streams: where events end does not depend on reads, and whoever reads on after any event gets
// the original's bytes, whatever the bounds have let go.

internal import Hub
internal import Wire

private let framings: [EventFraming] = [.serverSentEvents, .lines, .eventStream, .elements]

private func cuts(_ input: UnsafeRawBufferPointer, _ framing: EventFraming, _ sizes: [Int]) -> [Int]
{
  var cutter = EventCutter(framing)
  var cuts: [Int] = []
  Pieces.feed(input, in: sizes) { cutter.read($0, cuts: &cuts) }
  cutter.end(cuts: &cuts)
  return cuts
}

/// The first byte picks the framing.
func fuzzEventCutter(_ input: UnsafeRawBufferPointer) {
  guard let first = input.first else { return }
  let framing = framings[Int(first) % framings.count]
  let body = UnsafeRawBufferPointer(rebasing: input.dropFirst())
  let whole = cuts(body, framing, [body.count])
  for sizes in Pieces.ways(of: body) {
    expectEqual(cuts(body, framing, sizes), whole, "events end elsewhere, \(sizes.prefix(40))")
  }
  var last = 0
  for cut in whole {
    if cut <= last || cut > body.count { violated("an event without bytes", whole, body.count) }
    last = cut
  }
  // What is in front of a cut has its events, and so has what is behind it where it stands alone.
  for (number, cut) in whole.enumerated() where number < 50 {
    let (front, rest) = (body[..<cut], body[cut...])
    // Of an array, a number at the very end may go on.
    if framing == .elements, let last = front.last, !"}]\"".utf8.contains(last) { continue }
    let found = cuts(UnsafeRawBufferPointer(rebasing: front), framing, [cut])
    expectEqual(found, Array(whole[...number]), "a prefix has other events")
    // Only at a stream's beginning is a mark of byte order none of its bytes.
    if framing == .elements || rest.starts(with: [0xEF, 0xBB, 0xBF]) { continue }
    let behind = cuts(UnsafeRawBufferPointer(rebasing: rest), framing, [rest.count])
    expectEqual(
      behind.map { $0 + cut }, Array(whole[(number + 1)...]), "what follows has other events")
  }
}

// MARK: - Logs

private final class Silence: StreamListener {
  func hear(_ news: StreamNews, of id: StreamID) {}
}

/// The first byte picks the framing, the second the bounds.
func fuzzStreamLog(_ input: UnsafeRawBufferPointer) {
  guard input.count > 2 else { return }
  let framing = framings[Int(input[0]) % framings.count]
  let body = UnsafeRawBufferPointer(rebasing: input.dropFirst(2))
  let ways = [[body.count]] + Pieces.ways(of: body)
  let original = Array(body)
  let ends = cuts(body, framing, [body.count])
  for sizes in ways {
    var bounds = StreamBounds()
    let isBounded = input[1] & 1 == 1
    if isBounded { bounds.streamBytes = 1200 + Int(input[1]) * 16 }
    let directory = StreamDirectory(bounds)
    let nobody: [UInt8] = []
    let name = Array("00000000000000010000000000000002".utf8)
    guard let id = StreamID(name.span),
      var recorder = directory.open(
        framing: framing, contentType: [],
        credential: StreamCredential(keys: nobody.span, cookie: nobody.span),
        writer: Silence(), id: id)
    else { violated("there was no room for a stream", bounds, "") }
    Pieces.feed(body, in: sizes) { _ = recorder.record($0) }
    recorder.end(.whole, at: 0)
    if directory.figures.bytes > bounds.memoryBytes {
      violated("more memory than its bound", directory.figures, bounds)
    }
    let asked = [0, 1, ends.count / 2, ends.count, ends.count + 1]
    for event in asked {
      for unit in [Subscription.Unit.bytes, .events] {
        let limit = 1 + Int(input[1]) * 8
        readOn(
          recorder.log, after: event, unit, limit, ends, original, mayBeLost: isBounded)
      }
    }
  }
}

private func readOn(
  _ log: StreamLog, after event: Int, _ unit: Subscription.Unit, _ limit: Int, _ ends: [Int],
  _ original: [UInt8], mayBeLost: Bool
) {
  var subscription = Subscription(log, after: event, unit: unit)
  var (found, number): ([UInt8], Int) = ([], event)
  reading: while true {
    switch subscription.next(atMost: limit) {
    case .run(let run):
      if run.count == 0 { violated("a run without bytes", run, event) }
      if unit == .events, !run.ends.isEmpty {
        expectEqual(run.firstEvent, number + 1, "events are counted wrongly")
        number += run.ends.count
      } else if run.count > limit, unit == .bytes {
        violated("a run is too long", run.count, limit)
      }
      found += run.joined()
    case .ended(.whole): break reading
    case .lost where mayBeLost: return
    case let other: violated("a stream that has ended says", other, event)
    }
  }
  let start = event == 0 ? 0 : event <= ends.count ? ends[event - 1] : original.count
  expectEqual(found, Array(original[start...]), "after event \(event) came other bytes")
}
