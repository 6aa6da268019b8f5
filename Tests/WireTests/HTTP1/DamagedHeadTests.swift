// Goal: no bytes, however damaged, bring a parser of heads down or slip past it half read.
// Method: seeded damage to good heads, given both as reads cut at random and to the parsers direct;
// what is accepted must account for every byte of the head.

internal import TestSupport
internal import Testing
internal import Wire

@Suite struct DamagedHeadTests {
  private static let request =
    "POST http://a:1/v1?x HTTP/1.1\r\nHost: a:1\r\nConnection: close, X-A\r\nX-A: \tb c\r\n"
    + "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
  private static let response =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 12\r\nVia: \r\n\r\n"

  private func damaged(_ text: String, using random: inout SeededRandom) -> [UInt8] {
    let wanted = Array("\r\n\t :,/?#[]%@0129aZ\0\u{7F}é".utf8)
    var bytes = Array(text.utf8)
    for _ in 0..<Int.random(in: 0...3, using: &random) {
      let at = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0: bytes[at] = wanted.randomElement(using: &random) ?? 0
      case 1: bytes.insert(wanted.randomElement(using: &random) ?? 0, at: at)
      case 2: bytes.remove(at: at)
      default: bytes.removeSubrange(at..<min(bytes.count, at + 9))
      }
    }
    return bytes
  }

  /// Start line, field lines and blank line must be the head, with nothing between them, and no
  /// line may hold a control character but a tab.
  private func accountsForAll(_ headers: HeaderFields) -> Bool {
    var end = headers.fields.first?.line.lowerBound ?? headers.bytes.count - 2
    for field in headers.fields {
      guard field.line.lowerBound == end, field.name.lowerBound == end,
        field.value.upperBound <= field.line.upperBound - 2
      else { return false }
      end = field.line.upperBound
    }
    let lines = headers.bytes.split(separator: 0x0A).map { $0.dropLast() }
    let isClean = lines.allSatisfy { $0.allSatisfy { $0 == 9 || ($0 >= 32 && $0 != 127) } }
    return isClean && end + 2 == headers.bytes.count && headers.bytes.suffix(2) == [13, 10]
  }

  @Test(arguments: 0..<20)
  func `requests are whole or refused`(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for _ in 0..<300 {
      let bytes = damaged(Self.request, using: &random)
      if let head = try? RequestHead(parsing: bytes) {
        #expect(accountsForAll(head.headers), "\(bytes)")
        #expect(head.framing != .untilClose)
      }
    }
  }

  @Test(arguments: 0..<20)
  func `responses are whole or refused`(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for _ in 0..<300 {
      let bytes = damaged(Self.response, using: &random)
      if let head = try? ResponseHead(parsing: bytes, answeringHEAD: false) {
        #expect(accountsForAll(head.headers), "\(bytes)")
        #expect((100...999).contains(head.status))
      }
    }
  }

  @Test(arguments: 0..<20)
  func `what a collector lets pass does not depend on the reads`(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for _ in 0..<10 {
      let bytes = damaged(Self.request, using: &random) + damaged(Self.response, using: &random)
      // Damage may leave bytes that are no UTF-8; the detour through text only damages them more.
      let text = String(decoding: bytes, as: UTF8.self)
      #expect(Reception.everyWay(text) != nil, "\(bytes)")
    }
  }
}
