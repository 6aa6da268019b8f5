// Goal: DEFLATE, zlib and gzip bodies come out right in any cut, and wrong ones are refused by the
// rule they break. Method: vectors written by hand, each replayed in many cuts on guarded pages.

import TestSupport
import Testing
import Wire

/// Inflates pieces; what came out is kept also when an error ends it.
func inflate(
  _ format: Inflate.Format, _ bytes: [UInt8], cut: [Range<Int>], expansionLimit: UInt64 = .max
) -> (output: [UInt8], error: InflateError?, isComplete: Bool) {
  let inflate = Inflate(format, expansionLimit: expansionLimit)
  let page = GuardedBytes(capacity: bytes.count)
  var output: [UInt8] = []
  do throws(InflateError) {
    for piece in cut {
      page.replace(with: bytes[piece])
      try page.withSpan { (part) throws(InflateError) in
        try inflate.push(part) { span in
          span.withUnsafeBufferPointer { output.append(contentsOf: $0) }
        }
      }
    }
    return (output, nil, inflate.isComplete)
  } catch {
    return (output, error, inflate.isComplete)
  }
}

@Suite struct InflateTests {
  /// "abc" in a stored block, in the fixed codes, and seven times in a match that overlaps itself.
  private static let stored = hex("01 0300 fcff 616263")
  private static let fixed = hex("4b4c4a0600")
  private static let gzipHead = hex("1f8b 08 00 00000000 00 ff")
  private static let gzipTail = hex("c2412435 03000000")

  @Test(
    "RFC 1951: good data",
    arguments: [
      (Inflate.Format.raw, stored, "abc"), (.raw, fixed, "abc"),
      // §3.2.4: an empty stored block, as a flush leaves it, between others.
      (.raw, hex("4a4c4a0600") + hex(""), "abc"),
      (.zlib, hex("789c") + fixed + hex("024d0127"), "abc"),
      (.zlibOrRaw, hex("789c") + fixed + hex("024d0127"), "abc"), (.zlibOrRaw, fixed, "abc"),
      (.gzip, gzipHead + fixed + gzipTail, "abc"),
      (.gzip, gzipHead + stored + gzipTail, "abc"),
      // RFC 1952 §2.2: members follow each other; zeros may fill up a block device.
      (.gzip, gzipHead + fixed + gzipTail + gzipHead + stored + gzipTail, "abcabc"),
      (.gzip, gzipHead + fixed + gzipTail + [0, 0, 0], "abc"),
      // RFC 1952 §2.3: extra field, name and comment.
      (.gzip, hex("1f8b 08 1c 00000000 00 ff 0200 6162 6e00 6300") + fixed + gzipTail, "abc"),
      (.gzip, [], ""), (.zlibOrRaw, [], ""),
    ])
  func good(_ format: Inflate.Format, _ bytes: [UInt8], _ text: String) {
    for cut in CodecReplay.cuts(bytes.count) {
      let found = inflate(format, bytes, cut: cut)
      #expect(found.error == nil)
      #expect(found.output == Array(text.utf8))
      #expect(found.isComplete || bytes == hex("4a4c4a0600"))
    }
  }

  @Test(
    "what the RFCs forbid",
    arguments: [
      (Inflate.Format.raw, "07", InflateError.blockType),
      (.raw, "01 0300 fdff 616263", .storedLength),
      // 286 literal codes are the most, 30 distances too (RFC 1951 §3.2.7).
      (.raw, "fd ff ff ff", .codeLengths),
      // A fixed-code match one byte back at the very start.
      (.raw, "0302", .distance),
      (.zlib, "789d", .zlibHeader), (.zlib, "88 1c", .zlibHeader), (.zlib, "78bb", .zlibHeader),
      (.zlib, "789c 4b4c4a0600 024d0128", .checksum),
      (.zlib, "789c 4b4c4a0600 024d0127 01", .trailingData),
      (.gzip, "1f8c", .gzipHeader), (.gzip, "1f8b 07 00", .gzipHeader),
      (.gzip, "1f8b 08 20", .gzipHeader),
      (.gzip, "1f8b 08 02 00000000 00 ff 0000 4b4c4a0600", .gzipHeaderChecksum),
      (.gzip, "1f8b 08 00 00000000 00 ff 4b4c4a0600 c2412436", .checksum),
      (.gzip, "1f8b 08 00 00000000 00 ff 4b4c4a0600 c2412435 04000000", .length),
      (.gzip, "1f8b 08 00 00000000 00 ff 4b4c4a0600 c2412435 03000000 3c68", .gzipHeader),
    ])
  func bad(_ format: Inflate.Format, _ text: String, _ error: InflateError) {
    let bytes = hex(text)
    for cut in CodecReplay.cuts(bytes.count) {
      #expect(inflate(format, bytes, cut: cut).error == error)
    }
  }

  @Test func aFailedDecoderStaysFailed() {
    let inflate = Inflate(.raw)
    for _ in 0..<2 {
      #expect(throws: InflateError.blockType) { try inflate.push(hex("07").span) { _ in } }
    }
  }

  @Test func whatCameBeforeAnErrorIsLent() {
    let bytes = hex("00 0300 fcff 616263 07")
    for cut in CodecReplay.cuts(bytes.count) {
      let found = inflate(.raw, bytes, cut: cut)
      #expect(found.output == Array("abc".utf8))
      #expect(found.error == .blockType)
    }
  }

  @Test func everyProperPrefixIsIncomplete() {
    let bytes = Self.gzipHead + Self.fixed + Self.gzipTail
    for length in 1..<bytes.count {
      let found = inflate(.gzip, bytes, cut: [0..<length])
      #expect(found.error == nil && !found.isComplete)
    }
  }

  /// The bomb is made by hand: a zero byte, then matches of 258 zeros one byte back, each one a
  /// length code of eight bits and a distance code of five, all ones and zeros as they come out.
  @Test func aBombIsStoppedByItsExpansion() {
    let bytes = bomb(matches: 40_000)
    let free = inflate(.raw, bytes, cut: [0..<bytes.count])
    #expect(free.error == nil)
    #expect(free.output.count == 1 + 258 * 40_000)
    let limited = inflate(.raw, bytes, cut: [0..<bytes.count], expansionLimit: 20)
    #expect(limited.error == .expansion)
    #expect(limited.output.count <= (1 << 20) + 20 * bytes.count + 32_768)
  }

  private func bomb(matches: Int) -> [UInt8] {
    var (bytes, held, count): ([UInt8], UInt32, UInt32) = ([], 0, 0)
    func put(_ bits: UInt32, _ length: UInt32) {
      held |= bits << count
      count += length
      while count >= 8 {
        bytes.append(UInt8(held & 0xFF))
        held >>= 8
        count -= 8
      }
    }
    put(0b011, 3)
    // Literal 0 is 0011 0000, sent highest bit first; 285 is 1100 0101; distance code 0 is 00000.
    put(0b0000_1100, 8)
    for _ in 0..<matches {
      put(0b1010_0011, 8)
      put(0, 5)
    }
    put(0, 7)
    put(0, 7)
    return bytes
  }
}
