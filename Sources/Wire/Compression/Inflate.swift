// Content codings gzip and deflate, undone as the bytes arrive: containers here, blocks beside it.

/// Inflates one body from pieces of any size: RFC 1951 inside RFC 1952 (gzip), RFC 1950 (zlib) or
/// alone.
///
/// Everything is allocated at creation, about 40 KiB, and nothing afterwards, so a body that
/// expands a thousandfold costs time and no memory; `expansionLimit` bounds the time. It is a
/// class so that the sink may change the object that owns it.
package final class Inflate {
  package enum Format: Sendable {
    /// Any number of members one after the other, zeros allowed at the end (RFC 1952 §2.2).
    case gzip
    case zlib
    /// `Content-Encoding: deflate`: zlib by the letter of RFC 9110 §8.4.1.2, or the bare DEFLATE
    /// data that some servers send instead; the first two bytes tell.
    case zlibOrRaw
    /// DEFLATE data alone, as in WebSocket's permessage-deflate (RFC 7692 §7.2.2, whose four
    /// bytes at each message's end the caller puts back).
    case raw
  }

  /// What the next bits are.
  enum State {
    case start
    case gzipHeader(GzipHeader.Field)
    case blockStart
    case storedLength
    case stored(remaining: Int)
    case tableSizes
    case codeLengthLengths(read: Int)
    case codeLengths(read: Int)
    case symbols
    case trailerChecksum
    case trailerLength
    case betweenMembers
    case ended
    case failed(InflateError)
  }

  package let format: Format

  /// How many times more bytes may come out than went in, once a mebibyte has come out;
  /// `InflateError.expansion` beyond. DEFLATE itself cannot pass 1,032.
  package let expansionLimit: UInt64

  /// Bytes that have come out so far.
  package private(set) var producedBytes: UInt64 = 0

  /// Bytes that were pushed so far, those being inflated included.
  private var pushedBytes: UInt64 = 0

  var state = State.start
  var reader = BitReader()
  var gzip = GzipHeader()
  let window = FixedMemory<UInt8>(count: 32_768, repeating: 0)
  /// Where the next byte goes.
  var windowPosition = 0
  /// Where the bytes not yet lent to the sink begin.
  private var lentPosition = 0
  /// Bytes of this member or stream: how far back a distance may reach.
  var memberBytes: UInt64 = 0
  var isLastBlock = false
  var tables = BlockTables()
  /// The checksum of the container in use; the other one stays as it was.
  private var crc = CRC32()
  private var adler = Adler32()
  var container: Container = .none

  enum Container { case none, gzip, zlib }

  package init(_ format: Format, expansionLimit: UInt64 = .max) {
    self.format = format
    self.expansionLimit = expansionLimit
  }

  /// Whether what came so far is whole: it may end here. An empty body is whole too.
  package var isComplete: Bool {
    switch state {
    case .ended, .betweenMembers: reader.count == 0
    case .start: reader.count == 0
    default: false
    }
  }

  /// Inflates `bytes` and lends what comes out to `sink` piece by piece, each at most 32 KiB and
  /// valid during the call alone.
  ///
  /// On an error all that came out before it has been lent; from then on every push throws it.
  /// The sink must not push to this decoder.
  package func push(
    _ bytes: Span<UInt8>, _ sink: (Span<UInt8>) -> Void
  ) throws(InflateError) {
    if case .failed(let error) = state { throw error }
    pushedBytes += UInt64(bytes.count)
    var position = 0
    do {
      repeat { reader.fill(bytes, &position) } while try step(bytes, &position, sink)
    } catch {
      lend(sink)
      state = .failed(error)
      throw error
    }
    lend(sink)
  }

  /// Takes one step of the format; false when it needs bytes that are not there yet.
  private func step(
    _ bytes: Span<UInt8>, _ position: inout Int, _ sink: (Span<UInt8>) -> Void
  ) throws(InflateError) -> Bool {
    switch state {
    case .start: try startContainer()
    case .gzipHeader(let field): try readGzipHeader(field)
    case .blockStart: try startBlock()
    case .storedLength: try readStoredLength()
    case .stored(let remaining): try copyStored(remaining, bytes, &position, sink)
    case .tableSizes: try readTableSizes()
    case .codeLengthLengths(let read): try readCodeLengthLengths(from: read)
    case .codeLengths(let read): try readCodeLengths(from: read)
    case .symbols: try inflateSymbols(bytes, &position, sink)
    case .trailerChecksum: try checkChecksum(sink)
    case .trailerLength: try checkLength()
    case .betweenMembers: try skipPadding()
    case .ended: try skipPadding()
    case .failed(let error): throw error
    }
  }

  /// Lends what the window holds and the sink has not seen.
  ///
  /// Called before the window wraps, so that what is lent lies in one piece.
  private func lend(_ sink: (Span<UInt8>) -> Void) {
    let length = windowPosition - lentPosition
    guard length > 0 else { return }
    window.withSpan(of: lentPosition..<windowPosition) { output in
      switch container {
      case .gzip: crc.update(output)
      case .zlib: adler.update(output)
      case .none: break
      }
      sink(output)
    }
    producedBytes += UInt64(length)
    memberBytes += UInt64(length)
    lentPosition = windowPosition
  }

  /// Lends a full window and begins it again.
  func wrapWindow(_ sink: (Span<UInt8>) -> Void) throws(InflateError) {
    lend(sink)
    windowPosition = 0
    lentPosition = 0
    guard producedBytes > 1 << 20 else { return }
    let (limit, overflow) = pushedBytes.multipliedReportingOverflow(by: expansionLimit)
    if !overflow, producedBytes > limit { throw .expansion }
  }

  /// How far back a distance may reach now.
  var reach: Int {
    Int(min(memberBytes, UInt64(window.count))) + windowPosition - lentPosition
  }
}

// MARK: - Containers

extension Inflate {
  private func startContainer() throws(InflateError) -> Bool {
    switch format {
    case .gzip:
      guard reader.count > 0 else { return false }
      container = .gzip
      state = .gzipHeader(.magic)
    case .raw:
      guard reader.count > 0 else { return false }
      state = .blockStart
    case .zlib, .zlibOrRaw:
      guard reader.count >= 16 else { return false }
      if isZlibHeader(Int(reader.bits & 0xFFFF)) {
        reader.drop(16)
        container = .zlib
      } else if format == .zlib {
        throw .zlibHeader
      }
      state = .blockStart
    }
    return true
  }

  /// Method 8, a window of at most 32 KiB, no preset dictionary, and the check of RFC 1950 §2.2.
  private func isZlibHeader(_ word: Int) -> Bool {
    let (method, flags) = (word & 0xFF, word >> 8)
    return method & 15 == 8 && method >> 4 <= 7 && flags & 0x20 == 0
      && (method << 8 | flags) % 31 == 0
  }

  private func readGzipHeader(_ field: GzipHeader.Field) throws(InflateError) -> Bool {
    var field = field
    guard try gzip.read(&field, &reader) else {
      state = .gzipHeader(field)
      return false
    }
    state = field == .end ? .blockStart : .gzipHeader(field)
    return true
  }

  /// What follows the last block.
  func endBlocks() {
    reader.alignToByte()
    state = container == .none ? .ended : .trailerChecksum
  }

  /// CRC-32, lowest byte first (RFC 1952 §2.3.1), or Adler-32, highest first (RFC 1950 §2.2).
  private func checkChecksum(_ sink: (Span<UInt8>) -> Void) throws(InflateError) -> Bool {
    lend(sink)
    guard let word = reader.take(32) else { return false }
    let found = UInt32(truncatingIfNeeded: word)
    guard found == (container == .gzip ? crc.value : adler.value.byteSwapped) else {
      throw .checksum
    }
    state = container == .gzip ? .trailerLength : .ended
    return true
  }

  private func checkLength() throws(InflateError) -> Bool {
    guard let length = reader.take(32) else { return false }
    guard UInt32(truncatingIfNeeded: length) == UInt32(truncatingIfNeeded: memberBytes) else {
      throw .length
    }
    state = .betweenMembers
    return true
  }

  /// After the end only zeros may come or, in gzip, another member.
  private func skipPadding() throws(InflateError) -> Bool {
    guard reader.count >= 8 else { return false }
    if reader.bits & 0xFF == 0 {
      reader.drop(8)
      return true
    }
    guard case .betweenMembers = state else { throw .trailingData }
    state = .gzipHeader(.magic)
    gzip = GzipHeader()
    crc = CRC32()
    memberBytes = 0
    return true
  }
}
