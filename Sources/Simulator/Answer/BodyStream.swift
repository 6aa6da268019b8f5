// The body of one answer on its way to the wire: events are encoded, cut into pieces, and each
// piece framed, a step at a time.

internal import Wire

/// Memory that all answers of a loop share; empty between two steps.
struct AnswerBuffers {
  /// What the next write will send.
  var wire: [UInt8] = []
  fileprivate var piece: [UInt8] = []
  fileprivate var event: [UInt8] = []

  /// Gives back what an unusually large event has made of them.
  mutating func shrink() {
    if wire.capacity > Self.keptBytes { wire = [] }
    if piece.capacity > Self.keptBytes { piece = [] }
    if event.capacity > Self.keptBytes { event = [] }
  }

  private static let keptBytes = 1 << 20
}

struct BodyStream {
  private var source: EventSource
  private let chunking: Chunking
  let framing: AnswerFraming
  private var gzip: GzipWriter?
  /// Of the encoded body, for the trailer.
  private var checksum: CRC32?
  private var random: PieceSizes?
  /// Encoded bytes that the last random piece left.
  private var pending: [UInt8] = []
  /// Whether the encoding is brought to its end with the last event.
  private let endsWell: Bool

  /// The most that one write gathers of several events.
  static let writeBytes = 64 * 1024

  init(
    _ source: EventSource, chunking: Chunking, framing: AnswerFraming, compresses: Bool,
    sendsTrailers: Bool, endsWell: Bool
  ) {
    self.source = source
    self.chunking = chunking
    self.framing = framing
    self.endsWell = endsWell
    if compresses { gzip = GzipWriter() }
    if sendsTrailers { checksum = CRC32() }
    if case .random(let seed) = chunking { random = PieceSizes(seed: seed) }
  }

  /// How many bytes the encoded body has; nil is without end. One that is to break off has as many
  /// as if it did not, so that whoever is promised them notices.
  var length: Int? {
    guard gzip != nil else { return source.total(ignoresLimit: !endsWell) { $0 } }
    return source.total(ignoresLimit: !endsWell, GzipWriter.encodedSize).map {
      $0 + GzipWriter.overhead
    }
  }

  var isAtEnd: Bool {
    source.isAtEnd && pending.isEmpty && !(gzip != nil && endsWell)
  }
}

// MARK: - Steps

extension BodyStream {
  /// Writes what is to leave at one point in time into `buffers.wire`, calling `send` wherever a
  /// write is to end; what is left in `wire` afterwards is the caller's to send.
  mutating func step(
    _ buffers: inout AnswerBuffers, now: () -> UInt64, send: (inout AnswerBuffers) -> Void
  ) {
    switch chunking {
    case .whole:
      buffers.piece.removeAll(keepingCapacity: true)
      while buffers.piece.count < Self.writeBytes, !isAtEnd { encodeNext(&buffers, now) }
      frame(buffers.piece, 0..<buffers.piece.count, into: &buffers.wire)
    case .event: frameNext(&buffers, now)
    case .perWrite(let count):
      for _ in 0..<count where buffers.wire.count < Self.writeBytes && !isAtEnd {
        frameNext(&buffers, now)
      }
    case .byte: frameBytes(&buffers, now, send)
    case .random: framePiece(&buffers, now)
    }
  }

  private mutating func frameNext(_ buffers: inout AnswerBuffers, _ now: () -> UInt64) {
    buffers.piece.removeAll(keepingCapacity: true)
    encodeNext(&buffers, now)
    frame(buffers.piece, 0..<buffers.piece.count, into: &buffers.wire)
  }

  private mutating func frameBytes(
    _ buffers: inout AnswerBuffers, _ now: () -> UInt64, _ send: (inout AnswerBuffers) -> Void
  ) {
    buffers.piece.removeAll(keepingCapacity: true)
    encodeNext(&buffers, now)
    for index in buffers.piece.indices {
      if index > 0 { send(&buffers) }
      frame(buffers.piece, index..<index + 1, into: &buffers.wire)
    }
  }

  private mutating func framePiece(_ buffers: inout AnswerBuffers, _ now: () -> UInt64) {
    let size = random?.next() ?? 1
    swap(&pending, &buffers.piece)
    while buffers.piece.count < size, !source.isAtEnd || (gzip != nil && endsWell) {
      encodeNext(&buffers, now)
    }
    let count = min(size, buffers.piece.count)
    frame(buffers.piece, 0..<count, into: &buffers.wire)
    buffers.piece.removeFirst(count)
    swap(&pending, &buffers.piece)
  }

  /// Appends the next event to `piece`, and behind the last one the encoding's end.
  private mutating func encodeNext(_ buffers: inout AnswerBuffers, _ now: () -> UInt64) {
    guard gzip != nil else {
      if !source.isAtEnd { source.appendNext(to: &buffers.piece, now: now) }
      return
    }
    if !source.isAtEnd {
      buffers.event.removeAll(keepingCapacity: true)
      source.appendNext(to: &buffers.event, now: now)
      gzip?.append(buffers.event, to: &buffers.piece)
    }
    if source.isAtEnd, endsWell {
      gzip?.end(&buffers.piece)
      gzip = nil
    }
  }
}

// MARK: - Framing

extension BodyStream {
  private mutating func frame(_ bytes: [UInt8], _ range: Range<Int>, into wire: inout [UInt8]) {
    // An empty chunk would be the last one.
    guard !range.isEmpty else { return }
    checksum?.update(bytes.span.extracting(range))
    guard framing == .chunked else { return wire.append(contentsOf: bytes[range]) }
    wire.appendHexadecimal(range.count)
    wire.append(contentsOf: lineEnd)
    wire.append(contentsOf: bytes[range])
    wire.append(contentsOf: lineEnd)
  }

  /// The framing's own end, RFC 9112 §7.1.
  func end(into wire: inout [UInt8]) {
    guard framing == .chunked else { return }
    wire.append(UInt8(ascii: "0"))
    wire.append(contentsOf: lineEnd)
    if let checksum {
      wire.append(contentsOf: "x-sim-crc32: ".utf8)
      let digits = String(checksum.value, radix: 16)
      wire.append(contentsOf: String(repeating: "0", count: 8 - digits.count).utf8)
      wire.append(contentsOf: digits.utf8)
      wire.append(contentsOf: lineEnd)
    }
    wire.append(contentsOf: lineEnd)
  }
}

private let lineEnd: [UInt8] = [0x0D, 0x0A]

extension [UInt8] {
  /// Lower-case digits without leading zeros.
  fileprivate mutating func appendHexadecimal(_ number: Int) {
    var shift = (Int.bitWidth - 1 - (number | 1).leadingZeroBitCount) & ~3
    while shift >= 0 {
      let digit = UInt8(truncatingIfNeeded: number >> shift) & 15
      append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
      shift -= 4
    }
  }
}

/// Piece sizes that a seed decides (SplitMix64).
private struct PieceSizes {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// 1 to 128.
  mutating func next() -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((mixed ^ (mixed >> 31)) & 127) + 1
  }
}
