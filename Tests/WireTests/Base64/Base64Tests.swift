// Goal: Base64 of RFC 4648 in any cut, and nothing that only looks like it.

import TestSupport
import Testing
import Wire

private let goodVectors = [
  ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
  ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
]

@Suite struct Base64Tests {
  private func decode(
    _ text: String, cut: [Range<Int>]
  ) throws(Base64Decoder.Failure) -> [UInt8] {
    let bytes = Array(text.utf8)
    var (decoder, output): (Base64Decoder, [UInt8]) = (Base64Decoder(), [])
    for piece in cut {
      try CodecReplay.withGuarded(bytes[piece]) { (part) throws(Base64Decoder.Failure) in
        try decoder.decode(part, into: &output)
      }
    }
    try decoder.finish(into: &output)
    return output
  }

  @Test("RFC 4648 §10", arguments: goodVectors)
  func vectors(_ plain: String, _ encoded: String) throws {
    #expect(base64(Array(plain.utf8)) == Array(encoded.utf8))
    for text in [encoded, encoded.filter { $0 != "=" }] {
      for cut in CodecReplay.cuts(text.utf8.count) {
        #expect(try decode(text, cut: cut) == Array(plain.utf8))
      }
    }
  }

  @Test func everyByteComesBack() throws {
    var random = SeededRandom(seed: 7)
    for length in 0..<200 {
      let plain = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
      let text = String(decoding: base64(plain), as: UTF8.self)
      #expect(try decode(text, cut: [0..<text.utf8.count]) == plain)
    }
  }

  @Test(
    "RFC 4648 §3",
    arguments: [
      ("Zm9v\n", Base64Decoder.Failure.invalidCharacter), ("Zm-_", .invalidCharacter),
      ("Z===", .misplacedPadding), ("=", .misplacedPadding), ("Zg==Zg==", .misplacedPadding),
      ("Zg=a", .misplacedPadding), ("Zg==a", .misplacedPadding), ("Zg===", .misplacedPadding),
      ("Zg=", .truncated), ("Z", .truncated), ("Zh==", .truncated), ("Zm9=", .truncated),
    ])
  func refusals(_ text: String, _ failure: Base64Decoder.Failure) {
    for cut in CodecReplay.cuts(text.utf8.count) {
      #expect(throws: failure) { try decode(text, cut: cut) }
    }
  }
}
