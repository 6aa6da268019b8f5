// Goal: text is told from what is none at the first byte that decides it, in any cut.
// Method: Swift's own decoder judges the same bytes; the first wrong byte is found by shortening.

import TestSupport
import Testing
import Wire

@Suite struct UTF8ValidatorTests {
  /// How many bytes pass before the one that is refused; nil if none is. Byte by byte.
  private func accepted(_ bytes: [UInt8]) -> Int? {
    var validator = UTF8Validator()
    for (index, byte) in bytes.enumerated() {
      let one = [byte]
      guard validator.accept(one.span) else { return index }
    }
    return nil
  }

  private func isText(_ bytes: [UInt8]) -> Bool {
    var validator = UTF8Validator()
    return validator.accept(bytes.span) && validator.isBetweenCharacters
  }

  @Test("every scalar value, and nothing that is none")
  func scalars() {
    for value in UInt32(0)...0x10FFFF {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let bytes = Array(UTF8.encode(scalar)!)
      #expect(isText(bytes))
      for end in 1..<bytes.count { #expect(!isText(Array(bytes[..<end]))) }
    }
  }

  @Test("all pairs of bytes, and of triples those with a first byte above 0xDF")
  func short() {
    for first in UInt8.min...UInt8.max {
      for second in UInt8.min...UInt8.max {
        let pair = [first, second]
        #expect(isText(pair) == (String(validating: pair, as: UTF8.self) != nil))
        guard first >= 0xE0, second >= 0x7F, second <= 0xC0 else { continue }
        for third in UInt8(0x7E)...0xC1 {
          let triple = [first, second, third]
          #expect(isText(triple) == (String(validating: triple, as: UTF8.self) != nil))
        }
      }
    }
  }

  // Unicode table 3-7: where the second byte of a longer form already tells.
  @Test(
    "the first byte that decides is the one refused",
    arguments: [
      ("80", 0), ("c0 80", 0), ("c1 bf", 0), ("f5 80", 0), ("ff", 0), ("c3 28", 1),
      ("e0 9f bf", 1), ("ed a0 80", 1), ("e2 82 28", 2), ("f0 8f bf bf", 1), ("f4 90 80 80", 1),
      ("f0 9f 98 41", 3), ("61 ce ba f8", 3),
    ])
  func firstWrongByte(_ text: String, _ place: Int) {
    #expect(accepted(hex(text)) == place)
  }

  @Test func anyCut() {
    let bytes = Array("aä€😀\u{10FFFF}".utf8)
    for cut in CodecReplay.cuts(bytes.count) {
      var validator = UTF8Validator()
      for piece in cut {
        let isValid = CodecReplay.withGuarded(bytes[piece]) { validator.accept($0) }
        #expect(isValid)
      }
      #expect(validator.isBetweenCharacters)
    }
  }
}
