// Goal: SHA-256 as FIPS 180-4 and NIST's examples have it, at every length of padding.

import Testing
import Wire

@Suite struct SHA256Tests {
  @Test(
    "NIST's examples",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
      (
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopq"
          + "klmnopqrlmnopqrsmnopqrstnopqrstu",
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
      ),
    ])
  func digest(_ text: String, _ digest: String) {
    #expect(SHA256.digest(of: Array(text.utf8).span) == hex(digest))
  }

  @Test func millionLetters() {
    let message = [UInt8](repeating: 97, count: 1_000_000)
    #expect(
      SHA256.digest(of: message.span)
        == hex("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"))
  }

  /// Method: the digests of 0, 1, … 129 letters a, one after the other, digested in their turn;
  /// the expected value was computed with another implementation (Python's hashlib).
  @Test func everyLengthOfPadding() {
    var digests: [UInt8] = []
    for length in 0..<130 {
      digests += SHA256.digest(of: [UInt8](repeating: 97, count: length).span)
    }
    #expect(
      SHA256.digest(of: digests.span)
        == hex("39a48225ae6069c68f7c9f867bf47f4a2e188c3903dd919926b8259a73ecada5"))
  }
}
