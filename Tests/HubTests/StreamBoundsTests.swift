// Goal: memory, number and age of kept streams stay under their bounds whatever is written, what
// goes goes in the right order, and each absence has its right reason. Method: directories with
// small bounds, asked after every step.

import Hub
import TestSupport
import Testing

@Suite struct StreamBoundsTests {
  private func bounds(_ edit: (inout StreamBounds) -> Void) -> StreamBounds {
    var bounds = StreamBounds()
    edit(&bounds)
    return bounds
  }

  private func event(_ number: Int, bytes: Int) -> String {
    "data: \(number) \(String(repeating: "x", count: max(0, bytes - 16)))\n\n"
  }

  /// Why a stream cannot be read; nil if it can.
  private func absence(
    _ stream: WrittenStream, in directory: StreamDirectory, at now: UInt64 = 0,
    by asker: StreamCredential = .key("k")
  ) -> String? {
    switch directory.find(stream.log.id, by: asker, at: now) {
    case .found: nil
    case .forbidden: "forbidden"
    case .gone(let absence): absence.rawValue
    }
  }

  // Of ended streams those that ended first make room; live ones stay.
  @Test func oldestEndedGoFirst() throws {
    let directory = StreamDirectory(bounds { $0.memoryBytes = 1 << 20 })
    var streams: [WrittenStream] = []
    for number in 0..<40 {
      let stream = try #require(WrittenStream(in: directory, seed: UInt64(number)))
      for event in 1...100 { stream.write(self.event(event, bytes: 500)) }
      // One in four goes on.
      if number % 4 != 0 { stream.end() }
      streams.append(stream)
      #expect(directory.figures.bytes <= 1 << 20)
    }
    let gone = streams.filter { absence($0, in: directory) != nil }
    let ended = streams.enumerated().filter { $0.offset % 4 != 0 }.map(\.element)
    #expect(!gone.isEmpty)
    #expect(gone.map(\.log.id) == ended.prefix(gone.count).map(\.log.id))
    #expect(gone.allSatisfy { absence($0, in: directory) == "evicted" })
    #expect(directory.figures.evictedForMemory == gone.count)
    #expect(directory.figures.streams == 40 - gone.count)
    for stream in streams where absence(stream, in: directory) == nil {
      var reader = Subscription(stream.log, after: 0, unit: .bytes)
      #expect(reader.readAll().bytes.count >= 40_000)
    }
  }

  // A live stream beyond its own bound loses its beginning, block by block, and goes on.
  @Test func longStreamLosesItsBeginning() throws {
    let directory = StreamDirectory(bounds { $0.streamBytes = 100_000 })
    let stream = try #require(WrittenStream(in: directory))
    var all: [String] = []
    for number in 1...1000 {
      all.append(event(number, bytes: 300))
      stream.write(all[number - 1])
      #expect(directory.figures.bytes <= 101_024 + 512)
    }
    stream.end()
    var first = Subscription(stream.log, after: 0, unit: .bytes)
    let isPossible = first.isPossible()
    #expect(!isPossible)
    #expect(first.readAll() == ([], "evicted"))
    let oldest = try #require(
      (0...1000).first { event in
        var reader = Subscription(stream.log, after: event, unit: .bytes)
        return reader.isPossible()
      })
    #expect((650..<800).contains(oldest))
    for event in [oldest, oldest + 1, 900, 999, 1000] {
      var reader = Subscription(stream.log, after: event, unit: .bytes)
      #expect(reader.readAll() == (Array(all[event...].joined().utf8), "whole"))
    }
  }

  // Where all memory is with live streams, each of them still has its newest bytes or none, never
  // wrong ones, and the bound holds.
  @Test func liveStreamsAlone() throws {
    let directory = StreamDirectory(bounds { $0.memoryBytes = 1 << 20 })
    let streams = try (0..<30).map { try #require(WrittenStream(in: directory, seed: $0)) }
    var written = [String](repeating: "", count: 30)
    for number in 1...400 {
      for index in streams.indices {
        let text = event(number, bytes: 100 + index * 10)
        written[index] += text
        streams[index].write(text)
      }
      #expect(directory.figures.bytes <= 1 << 20)
    }
    for (stream, text) in zip(streams, written) {
      stream.end()
      for event in [0, 200, 390, 399] {
        var reader = Subscription(stream.log, after: event, unit: .bytes)
        let (bytes, last) = reader.readAll()
        if last == "whole" { #expect(text.utf8.suffix(bytes.count).elementsEqual(bytes)) }
      }
    }
  }

  @Test func retention() throws {
    let directory = StreamDirectory(bounds { $0.retainNanoseconds = 100 })
    let (first, second) = (
      try #require(WrittenStream(in: directory, seed: 1)),
      try #require(WrittenStream(in: directory, seed: 2))
    )
    for stream in [first, second] { stream.write("data: a\n\n") }
    first.end(at: 10)
    second.end(at: 50)
    #expect(directory.sweep(at: 109) == 110)
    #expect(absence(first, in: directory, at: 109) == nil)
    #expect(directory.sweep(at: 110) == 150)
    #expect(absence(first, in: directory, at: 110) == "expired")
    #expect(absence(second, in: directory, at: 149) == nil)
    // A lookup that comes before the timer finds the same.
    #expect(absence(second, in: directory, at: 150) == "expired")
    #expect(directory.sweep(at: 200) == nil)
    #expect(directory.figures.evictedForAge == 2)
    var reader = Subscription(first.log, after: 0, unit: .bytes)
    #expect(reader.readAll() == ([], "expired"))
  }

  @Test func numberOfStreams() throws {
    let directory = StreamDirectory(bounds { $0.streams = 2 })
    let first = try #require(WrittenStream(in: directory, seed: 1))
    let second = try #require(WrittenStream(in: directory, seed: 2))
    #expect(WrittenStream(in: directory, seed: 3) == nil)
    second.end()
    let third = try #require(WrittenStream(in: directory, seed: 3))
    #expect(absence(first, in: directory) == nil)
    #expect(absence(second, in: directory) == "evicted")
    #expect(absence(third, in: directory) == nil)
  }

  // So many readers of a stream and of all, and who has left makes room at once; whoever starts a
  // stream needs room among all alone.
  @Test func numberOfReaders() throws {
    let directory = StreamDirectory(
      bounds {
        $0.subscribers = 3
        $0.streamSubscribers = 2
      })
    let first = try #require(WrittenStream(in: directory, seed: 1)).log.id
    let second = try #require(WrittenStream(in: directory, seed: 2)).log.id
    var seats = [try directory.seat(at: first), try directory.seat(at: first)]
    #expect(throws: SeatRefusal.streamFull) { try directory.seat(at: first) }
    seats.append(try directory.seatForMaker())
    #expect(throws: SeatRefusal.hubFull) { try directory.seat(at: second) }
    #expect(throws: SeatRefusal.hubFull) { try directory.seatForMaker() }
    seats.removeFirst()
    seats.append(try directory.seat(at: first))
    seats.removeAll()
    seats = [try directory.seat(at: first), try directory.seat(at: first)]
    #expect(throws: SeatRefusal.streamFull) { try directory.seat(at: first) }
  }

  @Test func reasons() throws {
    let directory = StreamDirectory()
    let encoded = try #require(WrittenStream(in: directory, .encoded, seed: 1))
    #expect(absence(encoded, in: directory) == "encoded")
    encoded.write("data: a\n\n")
    encoded.end()
    #expect(absence(encoded, in: directory) == "encoded")
    let elsewhere = try #require(WrittenStream(in: StreamDirectory(), seed: 2))
    #expect(absence(elsewhere, in: directory) == "unknown")
    let mine = try #require(WrittenStream(in: directory, of: .key("mine"), seed: 3))
    #expect(absence(mine, in: directory, by: .key("other")) == "forbidden")
    #expect(absence(mine, in: directory, by: .key("")) == "forbidden")
    #expect(absence(mine, in: directory, by: .key("mine", cookie: "new")) == nil)
  }

  // Cookies count where there is no key, and only if the stream was made with some.
  @Test func cookies() {
    let page = StreamCredential.key("", cookie: "a=1")
    #expect(page.admits(.key("", cookie: "a=1")))
    #expect(!page.admits(.key("", cookie: "a=2")))
    #expect(!page.admits(.key("")))
    #expect(!page.admits(.key("k", cookie: "a=1")))
    #expect(StreamCredential.key("").admits(.key("", cookie: "a=1")))
    #expect(!StreamCredential.key("").admits(.key("k")))
  }

  @Test func stopping() throws {
    let directory = StreamDirectory()
    let stream = try #require(WrittenStream(in: directory))
    if case .forbidden = directory.stop(stream.log.id, by: .key("other"), at: 0) {
    } else {
      #expect(Bool(false), "somebody else's stream was stopped")
    }
    #expect(stream.listener.stopped == 0)
    _ = directory.stop(stream.log.id, by: .key("k"), at: 0)
    #expect(stream.listener.stopped == 1)
    stream.end(.cut)
    _ = directory.stop(stream.log.id, by: .key("k"), at: 0)
    #expect(stream.listener.stopped == 1)
  }

  // A smaller bound holds at once.
  @Test func reload() throws {
    let directory = StreamDirectory()
    for number in 0..<200 {
      let stream = try #require(WrittenStream(in: directory, seed: UInt64(number)))
      for event in 1...50 { stream.write(self.event(event, bytes: 400)) }
      stream.end()
    }
    #expect(directory.figures.streams == 200)
    directory.apply(bounds { $0.memoryBytes = 1 << 20 })
    #expect(directory.figures.bytes <= 1 << 20)
    directory.apply(bounds { $0.streams = 10 })
    #expect(directory.figures.streams == 10)
  }

  // Goal: 9,700 streams are kept, and the count never passes its bound. Method: as many, of sizes
  // as a seed draws them, a tenth of them running, asked after every write.
  @Test func manyStreams() throws {
    let directory = StreamDirectory(bounds { $0.memoryBytes = 64 << 20 })
    var random = SeededRandom(seed: 9)
    var live: [WrittenStream] = []
    var most = 0
    for number in 0..<9_700 {
      let stream = try #require(WrittenStream(in: directory, seed: UInt64(number)))
      for event in 1...Int.random(in: 1...30, using: &random) {
        stream.write(self.event(event, bytes: 200))
        most = max(most, directory.figures.bytes)
      }
      if number % 10 == 0 { live.append(stream) } else { stream.end() }
    }
    #expect(most <= 64 << 20)
    #expect(directory.figures.streams == 9_700)
    for stream in live { stream.end(.cut) }
    #expect(directory.sweep(at: .max - 1) == nil)
    #expect(directory.figures.streams == 0)
    // Of those that have gone only the reasons are left, and they too count.
    #expect(directory.figures.bytes <= 9_700 * 192)
  }
}
