// SHA-256, FIPS 180-4, so that a limit's keys (credentials, often) are held as hashes alone.

/// The SHA-256 digest of a message that is held whole.
package enum SHA256 {
  /// The digest's eight words; the first holds its first four bytes, the greatest one first.
  ///
  /// No allocation; about 0.25 µs for each 64 bytes begun, nine bytes of padding included.
  package static func words(of message: Span<UInt8>) -> InlineArray<8, UInt32> {
    var state: InlineArray<8, UInt32> = [
      0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A,
      0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19,
    ]
    var at = 0
    while at &+ 64 <= message.count {
      absorb(Block(message, at: at), into: &state)
      at &+= 64
    }
    absorbEnd(of: message, from: at, into: &state)
    return state
  }

  /// The 32 bytes of the digest.
  package static func digest(of message: Span<UInt8>) -> [UInt8] {
    let words = words(of: message)
    return words.indices.flatMap { index in
      [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: words[index] >> UInt32($0)) }
    }
  }

  private typealias Block = InlineArray<64, UInt32>

  /// What is left, a one bit, zeros, and the length in bits (§5.1.1): one block or two.
  private static func absorbEnd(
    of message: Span<UInt8>, from start: Int, into state: inout InlineArray<8, UInt32>
  ) {
    let left = message.count &- start
    var block = Block(repeating: 0)
    for index in 0..<left { block.add(message[start &+ index], at: index) }
    block.add(0x80, at: left)
    if left >= 56 {
      block.schedule()
      absorb(block, into: &state)
      block = Block(repeating: 0)
    }
    let bits = UInt64(message.count) &* 8
    block[14] = UInt32(truncatingIfNeeded: bits >> 32)
    block[15] = UInt32(truncatingIfNeeded: bits)
    block.schedule()
    absorb(block, into: &state)
  }

  /// §6.2.2, steps 2 to 4.
  private static func absorb(_ words: Block, into state: inout InlineArray<8, UInt32>) {
    var (a, b, c, d) = (state[0], state[1], state[2], state[3])
    var (e, f, g, h) = (state[4], state[5], state[6], state[7])
    let constants = roundConstants.span
    for round in 0..<64 {
      let choice = (e & f) ^ (~e & g)
      let majority = (a & b) ^ (a & c) ^ (b & c)
      let upper = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
      let lower = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)
      let first = h &+ upper &+ choice &+ constants[round] &+ words[round]
      (h, g, f, e) = (g, f, e, d &+ first)
      (d, c, b, a) = (c, b, a, first &+ lower &+ majority)
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

  fileprivate static func rotated(_ word: UInt32, _ bits: UInt32) -> UInt32 {
    word &>> bits | word &<< (32 &- bits)
  }
}

/// One block of a message, and the 48 words that it is stretched to (§6.2.2, step 1).
extension InlineArray<64, UInt32> {
  fileprivate init(_ message: Span<UInt8>, at start: Int) {
    self.init(repeating: 0)
    for index in 0..<64 { add(message[start &+ index], at: index) }
    schedule()
  }

  fileprivate mutating func add(_ byte: UInt8, at index: Int) {
    self[index &>> 2] |= UInt32(byte) &<< UInt32(24 &- (index & 3) &* 8)
  }

  fileprivate mutating func schedule() {
    for index in 16..<64 {
      let (early, late) = (self[index &- 15], self[index &- 2])
      let mixed = SHA256.rotated(early, 7) ^ SHA256.rotated(early, 18) ^ (early &>> 3)
      let stirred = SHA256.rotated(late, 17) ^ SHA256.rotated(late, 19) ^ (late &>> 10)
      self[index] = self[index &- 16] &+ mixed &+ self[index &- 7] &+ stirred
    }
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
