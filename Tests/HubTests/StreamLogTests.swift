// Goal: a log gives back what was written, from any event on, whatever the sizes of writes and
// reads; what its bounds have taken is said to be gone, and nothing else is. Method: seeded writes
// against the plain text, readers at every place.

import Hub
import TestSupport
import Testing

@Suite struct StreamLogTests {
  /// Events of many sizes, some with comments before them.
  private func text(_ count: Int, seed: UInt64) -> [[UInt8]] {
    var random = SeededRandom(seed: seed)
    return (1...count).map { number in
      let size = [3, 40, 230, 5000].randomElement(using: &random)!
      let comment = Int.random(in: 0..<4, using: &random) == 0 ? ": ping\n\n" : ""
      return Array("\(comment)data: \(number) \(String(repeating: "x", count: size))\n\n".utf8)
    }
  }

  private func write(_ bytes: [UInt8], to stream: WrittenStream, seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = rest.prefix(Int.random(in: 1...40_000, using: &random))
      stream.write(part)
      rest = rest.dropFirst(part.count)
    }
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func everyEvent(_ seed: UInt64) throws {
    let events = text(300, seed: seed)
    let stream = try #require(WrittenStream(in: StreamDirectory()))
    write(events.flatMap { $0 } + Array(": tail\n".utf8), to: stream, seed: seed)
    stream.end()
    #expect(stream.log.tide.events == 300)
    for event in stride(from: 0, through: 300, by: 7) {
      let rest = events[event...].flatMap { $0 } + Array(": tail\n".utf8)
      var reader = Subscription(stream.log, after: event, unit: .bytes)
      #expect(reader.readAll(atMost: 777) == (rest, "whole"))
      var whole = Subscription(stream.log, after: event, unit: .events)
      #expect(whole.readAll(atMost: 777) == (rest, "whole"))
    }
  }

  // An event is read whole and by its number, however little is asked for at once.
  @Test func eventsAreNumbered() throws {
    let events = text(50, seed: 5)
    let stream = try #require(WrittenStream(in: StreamDirectory()))
    write(events.flatMap { $0 }, to: stream, seed: 5)
    var reader = Subscription(stream.log, after: 10, unit: .events)
    var found: [[UInt8]] = []
    while case .run(let run) = reader.next(atMost: 300) {
      run.forEachEvent { number, bytes in
        #expect(number == 11 + found.count)
        found.append(Array(bytes))
      }
    }
    #expect(found == Array(events[10...]))
    #expect(reader.event == 50)
  }

  // A blank line that ends in CR may have a LF to come: the event ends behind that.
  @Test func endInTwoReads() throws {
    let stream = try #require(WrittenStream(in: StreamDirectory()))
    stream.write("data: a\r\n\r")
    #expect(stream.log.tide.events == 0)
    stream.write("\ndata: b\r\r")
    var reader = Subscription(stream.log, after: 1, unit: .bytes)
    #expect(reader.readAll() == (Array("data: b\r\r".utf8), "more to come"))
    stream.end()
    #expect(stream.log.tide.events == 2)
    #expect(reader.readAll() == ([], "whole"))
  }

  // What follows an event that has not come yet is read once it has.
  @Test func eventToCome() throws {
    let stream = try #require(WrittenStream(in: StreamDirectory()))
    stream.write("data: a\n\n")
    var (third, ninth) = (
      Subscription(stream.log, after: 2, unit: .bytes),
      Subscription(stream.log, after: 9, unit: .events)
    )
    #expect(third.readAll() == ([], "more to come"))
    stream.write("data: b\n\ndata: c\n\n")
    #expect(third.readAll() == (Array("data: c\n\n".utf8), "more to come"))
    stream.end(.cut)
    #expect(third.readAll() == ([], "cut"))
    #expect(ninth.readAll() == ([], "cut"))
  }

  // A listener is told once, then again after it has looked.
  @Test func newsComesOnce() throws {
    let stream = try #require(WrittenStream(in: StreamDirectory()))
    let listener = CountingListener()
    let number = stream.log.listen(listener)
    stream.write("data: a\n\n")
    stream.write("data: b\n\n")
    #expect(listener.grown == 1)
    #expect(stream.log.arm(number).events == 2)
    #expect(listener.grown == 1)
    stream.end()
    #expect(listener.grown == 2)
    stream.log.stopListening(number)
  }

  // A held stream says so to its writer, and is told when nobody holds it any more.
  @Test func holding() throws {
    let stream = try #require(WrittenStream(in: StreamDirectory()))
    #expect(!stream.write("data: a\n\n"))
    stream.log.hold()
    stream.log.hold()
    #expect(stream.write("data: b\n\n"))
    stream.log.release()
    #expect(stream.listener.released == 0)
    stream.log.release()
    #expect(stream.listener.released == 1)
    #expect(!stream.write("data: c\n\n"))
  }

  // A reader that skips misses whole events, and knows which.
  @Test func skipping() throws {
    let stream = try #require(WrittenStream(in: StreamDirectory()))
    stream.write("data: a\n\ndata: b\n\ndata: c\n\ndata: d")
    var reader = Subscription(stream.log, after: 0, unit: .events)
    guard case .run(let first) = reader.next(atMost: 1) else { return #expect(Bool(false)) }
    #expect(first.joined() == Array("data: a\n\n".utf8))
    #expect(reader.skip() == 2..<4)
    #expect(reader.skip().isEmpty)
    stream.write("!\n\n")
    #expect(reader.readAll() == (Array("data: d!\n\n".utf8), "more to come"))
  }

  // Goal: the events' index cannot grow beyond its share. Method: the smallest events there are.
  @Test func smallestEvents() throws {
    var bounds = StreamBounds()
    bounds.memoryBytes = 1 << 20
    let directory = StreamDirectory(bounds)
    let stream = try #require(WrittenStream(in: directory, .lines))
    let lines = Array(String(repeating: "1\n", count: 60_000).utf8)
    write(lines, to: stream, seed: 3)
    stream.end()
    #expect(stream.log.tide.events == 60_000)
    #expect(directory.figures.bytes <= bounds.memoryBytes)
    var reader = Subscription(stream.log, after: 59_990, unit: .bytes)
    #expect(reader.readAll().bytes == Array(lines.suffix(20)))
  }
}
