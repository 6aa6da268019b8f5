// Finds payload and end of a chunked body. It forwards nothing and keeps nothing: the bytes go on
// as they came, chunk framing included.

/// Follows one chunked body across reads, RFC 9112 §7.1.
///
/// Strict where parsers are known to differ: CRLF only, sizes of 1 to 16 hexadecimal digits and
/// nothing around them, extensions and trailers by their grammar. Payload is skipped by count.
package struct ChunkedDecoder: Sendable {
  package enum Piece: Equatable, Sendable {
    /// Payload at those offsets, never empty. One chunk may come as several pieces.
    case payload(Range<Int>)
    /// All bytes were read and the body has not ended.
    case needMore
    /// The body ended; the offset is the one after its final CRLF.
    case end(at: Int)
  }

  /// A piece, or where the framing is broken: every byte before that was well framed.
  enum Step: Equatable {
    case piece(Piece)
    case violation(HTTP1Error, at: Int)
  }

  private enum State {
    case size
    case chunkExtension
    case sizeLineFeed
    case payload
    case payloadCarriageReturn
    case payloadLineFeed
    case trailers
    case ended
    case failed(HTTP1Error)
  }

  /// What extensions and trailers of one body may hold together: they are metadata of no known
  /// use with LLM APIs, and endless ones would be a body that nobody counts.
  package static let metadataLimitBytes: UInt16 = 4096

  private var state = State.size
  private var sizeDigits: UInt8 = 0
  /// The size while it is read, then what is left of the chunk's payload.
  private var remaining = 0
  private var metadataBytes: UInt16 = 0
  private var extensions = ChunkExtensions()
  private var trailers = TrailerSection()

  package init() {}

  /// The next piece at or after `offset`; to go on, call again from the payload's upper bound.
  ///
  /// After an error the body stays broken and every call throws it again.
  package mutating func next(
    in bytes: Span<UInt8>, from offset: Int
  ) throws(HTTP1Error) -> Piece {
    switch step(in: bytes, from: offset) {
    case .piece(let piece): return piece
    case .violation(let error, at: _): throw error
    }
  }

  mutating func step(in bytes: Span<UInt8>, from offset: Int) -> Step {
    var at = offset
    while true {
      switch state {
      case .ended: return .piece(.end(at: at))
      case .failed(let error): return .violation(error, at: at)
      case .payload where at < bytes.count: return .piece(.payload(takePayload(at..<bytes.count)))
      case .size where takeSizeLine(bytes, &at): continue
      case .payloadCarriageReturn where takePayloadEnd(bytes, &at): continue
      default:
        guard at < bytes.count else { return .piece(.needMore) }
        if let error = take(bytes[at]) {
          state = .failed(error)
        } else {
          at &+= 1
        }
      }
    }
  }

  /// Stands where a size line begins.
  var isBetweenChunks: Bool {
    if case .size = state { sizeDigits == 0 } else { false }
  }

  @inline(__always)
  private static func isLineEnd(_ bytes: Span<UInt8>, at index: Int) -> Bool {
    bytes[index] == HTTPOctet.carriageReturn && bytes[index &+ 1] == HTTPOctet.lineFeed
  }

  private mutating func takePayload(_ available: Range<Int>) -> Range<Int> {
    let length = min(available.count, remaining)
    let payload = available.lowerBound..<available.lowerBound + length
    remaining -= length
    if remaining == 0 { state = .payloadCarriageReturn }
    return payload
  }

  /// Takes a whole size line without extensions, of a chunk that is not the last: nearly every one.
  /// Takes nothing of any other, which byte after byte then settles at four times the cost.
  @inline(__always)
  private mutating func takeSizeLine(_ bytes: Span<UInt8>, _ at: inout Int) -> Bool {
    guard sizeDigits == 0 else { return false }
    var end = at
    var size = 0
    let last = min(bytes.count - 2, at + 8)
    while end < last, let digit = HTTPOctet.hexValue(bytes[end]) {
      size = size << 4 | digit
      end &+= 1
    }
    guard size > 0, end &+ 1 < bytes.count, Self.isLineEnd(bytes, at: end) else { return false }
    (remaining, state, at) = (size, .payload, end &+ 2)
    return true
  }

  /// Takes the CRLF behind a chunk's payload, if it lies whole in these bytes.
  @inline(__always)
  private mutating func takePayloadEnd(_ bytes: Span<UInt8>, _ at: inout Int) -> Bool {
    guard at &+ 1 < bytes.count, Self.isLineEnd(bytes, at: at) else { return false }
    (state, sizeDigits, at) = (.size, 0, at &+ 2)
    return true
  }

  /// Takes one byte of framing and answers the rule that it breaks, if any.
  private mutating func take(_ octet: UInt8) -> HTTP1Error? {
    switch state {
    case .size: return takeSize(octet)
    case .chunkExtension: return takeExtension(octet)
    case .sizeLineFeed:
      guard octet == HTTPOctet.lineFeed else { return .bareCarriageReturn }
      state = remaining == 0 ? .trailers : .payload
    case .payloadCarriageReturn:
      guard octet == HTTPOctet.carriageReturn else { return .badChunkEnding }
      state = .payloadLineFeed
    case .payloadLineFeed:
      guard octet == HTTPOctet.lineFeed else { return .badChunkEnding }
      (state, sizeDigits) = (.size, 0)
    case .trailers: return takeTrailer(octet)
    case .payload, .ended, .failed:
      preconditionFailure("payload is skipped by count, and nothing is taken after the end")
    }
    return nil
  }

  private mutating func takeSize(_ octet: UInt8) -> HTTP1Error? {
    if let digit = HTTPOctet.hexValue(octet) { return addSizeDigit(digit) }
    guard sizeDigits > 0 else { return octet == HTTPOctet.lineFeed ? .bareLineFeed : .badChunkSize }
    switch octet {
    case HTTPOctet.carriageReturn:
      state = .sizeLineFeed
      return nil
    case UInt8(ascii: ";"), HTTPOctet.space, HTTPOctet.tab:
      state = .chunkExtension
      extensions = ChunkExtensions()
      return takeExtension(octet)
    case HTTPOctet.lineFeed: return .bareLineFeed
    default: return .badChunkSize
    }
  }

  /// Sizes end below 2^63, so that no sum of them and an offset overflows.
  private mutating func addSizeDigit(_ digit: Int) -> HTTP1Error? {
    if sizeDigits == 0 { remaining = 0 }
    guard sizeDigits < 16, remaining <= Int.max >> 4 else { return .chunkSizeOverflow }
    sizeDigits += 1
    remaining = remaining << 4 | digit
    return nil
  }

  private mutating func takeExtension(_ octet: UInt8) -> HTTP1Error? {
    switch octet {
    case HTTPOctet.carriageReturn:
      guard extensions.mayEnd else { return .badChunkExtension }
      state = .sizeLineFeed
      return nil
    case HTTPOctet.lineFeed: return .bareLineFeed
    default:
      guard metadataBytes < Self.metadataLimitBytes else { return .extensionsTooLarge }
      metadataBytes += 1
      return extensions.take(octet) ? nil : .badChunkExtension
    }
  }

  private mutating func takeTrailer(_ octet: UInt8) -> HTTP1Error? {
    if let error = trailers.take(octet) { return error }
    if trailers.isWithinField {
      guard metadataBytes < Self.metadataLimitBytes else { return .trailersTooLarge }
      metadataBytes += 1
    }
    if trailers.isEnded { state = .ended }
    return nil
  }
}
