// Goal: the checksums agree with their published check values, whole and in any cut.

import Testing
import Wire

@Suite struct ChecksumTests {
  @Test(arguments: [
    ("", 0 as UInt32), ("a", 0xE8B7_BE43), ("123456789", 0xCBF4_3926),
    ("The quick brown fox jumps over the lazy dog", 0x414F_A339),
  ])
  func crc32(_ text: String, _ expected: UInt32) {
    let bytes = Array(text.utf8)
    for cut in CodecReplay.cuts(bytes.count) {
      var crc = CRC32()
      for piece in cut { CodecReplay.withGuarded(bytes[piece]) { crc.update($0) } }
      #expect(crc.value == expected)
    }
    var single = CRC32()
    for byte in bytes { single.update(byte) }
    #expect(single.value == expected)
  }

  @Test(arguments: [
    ("", 1 as UInt32), ("a", 0x0062_0062), ("Wikipedia", 0x11E6_0398),
  ])
  func adler32(_ text: String, _ expected: UInt32) {
    let bytes = Array(text.utf8)
    for cut in CodecReplay.cuts(bytes.count) {
      var adler = Adler32()
      for piece in cut { CodecReplay.withGuarded(bytes[piece]) { adler.update($0) } }
      #expect(adler.value == expected)
    }
  }

  /// The greatest bytes for longer than the sums may run without a reduction; the expected value
  /// comes from adding with a reduction at each step.
  @Test func adler32DoesNotOverflow() {
    var (low, high): (UInt32, UInt32) = (1, 0)
    let bytes = [UInt8](repeating: 0xFF, count: 20_000)
    for byte in bytes {
      low = (low + UInt32(byte)) % 65_521
      high = (high + low) % 65_521
    }
    var adler = Adler32()
    adler.update(bytes.span)
    #expect(adler.value == high << 16 | low)
  }

  @Test(
    "RFC 3174 §7.3",
    arguments: [
      ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
      ),
      ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
      (
        String(
          repeating: "0123456701234567012345670123456701234567012345670123456701234567", count: 10),
        "dea356a2cddd90c7a7ecedc5ebb563934f460452"
      ),
    ])
  func sha1Digest(_ text: String, _ digest: String) {
    #expect(sha1(Array(text.utf8)) == hex(digest))
  }
}
