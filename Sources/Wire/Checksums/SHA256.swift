// SHA-256, FIPS 180-4, so that a limit's keys (credentials, often) are held as hashes alone.

/// The SHA-256 digest of a message that is held whole.
package enum SHA256 {
  /// The digest's eight words; the first holds its first four bytes, the greatest one first.
  ///
  /// No allocation; about 0.3 µs for each 64 bytes begun, nine bytes of padding included.
  package static func words(of message: Span<UInt8>) -> InlineArray<8, UInt32> {
    var state: InlineArray<8, UInt32> = [
      0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A,
      0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19,
    ]
    var block = Block(repeating: 0)
    var at = 0
    while at &+ 64 <= message.count {
      load(message.extracting(at..<at &+ 64), into: &block)
      absorb(&block, into: &state)
      at &+= 64
    }
    absorbEnd(message.extracting(at...), of: message.count, &block, into: &state)
    return state
  }

  /// The 32 bytes of the digest.
  package static func digest(of message: Span<UInt8>) -> [UInt8] {
    let words = words(of: message)
    return words.indices.flatMap { index in
      [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: words[index] >> UInt32($0)) }
    }
  }

  /// Sixteen words of the message, replaced by later ones of its schedule as rounds go by.
  private typealias Block = InlineArray<16, UInt32>

  private static func load(_ bytes: Span<UInt8>, into block: inout Block) {
    for index in 0..<16 {
      let at = index &* 4
      block[index] =
        UInt32(bytes[at]) &<< 24 | UInt32(bytes[at &+ 1]) &<< 16 | UInt32(bytes[at &+ 2]) &<< 8
        | UInt32(bytes[at &+ 3])
    }
  }

  /// What is left, a one bit, zeros, and the length in bits (§5.1.1): one block or two.
  private static func absorbEnd(
    _ rest: Span<UInt8>, of count: Int, _ block: inout Block,
    into state: inout InlineArray<8, UInt32>
  ) {
    for index in 0..<16 { block[index] = 0 }
    for index in 0..<rest.count { add(rest[index], at: index, to: &block) }
    add(0x80, at: rest.count, to: &block)
    if rest.count >= 56 {
      absorb(&block, into: &state)
      for index in 0..<16 { block[index] = 0 }
    }
    let bits = UInt64(count) &* 8
    block[14] = UInt32(truncatingIfNeeded: bits >> 32)
    block[15] = UInt32(truncatingIfNeeded: bits)
    absorb(&block, into: &state)
  }

  private static func add(_ byte: UInt8, at index: Int, to block: inout Block) {
    block[index &>> 2] |= UInt32(byte) &<< UInt32(24 &- (index & 3) &* 8)
  }

  /// §6.2.2. The schedule's word 16 places on takes the place of the one that has been used.
  private static func absorb(_ words: inout Block, into state: inout InlineArray<8, UInt32>) {
    var (a, b, c, d) = (state[0], state[1], state[2], state[3])
    var (e, f, g, h) = (state[4], state[5], state[6], state[7])
    let constants = roundConstants.span
    for round in 0..<64 {
      let word = words[round & 15]
      let choice = g ^ (e & (f ^ g))
      let majority = (a & b) | (c & (a | b))
      let upper = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
      let lower = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)
      let first = h &+ upper &+ choice &+ constants[round] &+ word
      (h, g, f, e) = (g, f, e, d &+ first)
      (d, c, b, a) = (c, b, a, first &+ lower &+ majority)
      let (early, late) = (words[(round &+ 1) & 15], words[(round &+ 14) & 15])
      let mixed = rotated(early, 7) ^ rotated(early, 18) ^ (early &>> 3)
      let stirred = rotated(late, 17) ^ rotated(late, 19) ^ (late &>> 10)
      words[round & 15] = word &+ mixed &+ words[(round &+ 9) & 15] &+ stirred
    }
    state[0] &+= a
    state[1] &+= b
    state[2] &+= c
    state[3] &+= d
    state[4] &+= e
    state[5] &+= f
    state[6] &+= g
    state[7] &+= h
  }

  @inline(__always)
  private static func rotated(_ word: UInt32, _ bits: UInt32) -> UInt32 {
    word &>> bits | word &<< (32 &- bits)
  }
}

/// §4.2.2.
private let roundConstants: [UInt32] = [
  0x428A_2F98, 0x7137_4491, 0xB5C0_FBCF, 0xE9B5_DBA5, 0x3956_C25B, 0x59F1_11F1, 0x923F_82A4,
  0xAB1C_5ED5, 0xD807_AA98, 0x1283_5B01, 0x2431_85BE, 0x550C_7DC3, 0x72BE_5D74, 0x80DE_B1FE,
  0x9BDC_06A7, 0xC19B_F174, 0xE49B_69C1, 0xEFBE_4786, 0x0FC1_9DC6, 0x240C_A1CC, 0x2DE9_2C6F,
  0x4A74_84AA, 0x5CB0_A9DC, 0x76F9_88DA, 0x983E_5152, 0xA831_C66D, 0xB003_27C8, 0xBF59_7FC7,
  0xC6E0_0BF3, 0xD5A7_9147, 0x06CA_6351, 0x1429_2967, 0x27B7_0A85, 0x2E1B_2138, 0x4D2C_6DFC,
  0x5338_0D13, 0x650A_7354, 0x766A_0ABB, 0x81C2_C92E, 0x9272_2C85, 0xA2BF_E8A1, 0xA81A_664B,
  0xC24B_8B70, 0xC76C_51A3, 0xD192_E819, 0xD699_0624, 0xF40E_3585, 0x106A_A070, 0x19A4_C116,
  0x1E37_6C08, 0x2748_774C, 0x34B0_BCB5, 0x391C_0CB3, 0x4ED8_AA4A, 0x5B9C_CA4F, 0x682E_6FF3,
  0x748F_82EE, 0x78A5_636F, 0x84C8_7814, 0x8CC7_0208, 0x90BE_FFFA, 0xA450_6CEB, 0xBEF9_A3F7,
  0xC671_78F2,
]
