// Goal: a head that is known is found to be what parsing would find, whatever its bytes, and no head is
// known of which that does not hold; what is remembered holds nobody's secrets.
// Method: memories that have learnt good heads are asked about every small change of them, and each head
// that they know is parsed as well. What they keep is searched by reflection.

internal import TestSupport
internal import Testing
internal import Wire

@Suite struct HeadMemoryTests {
  static let requests = [
    "POST /v1/chat/completions HTTP/1.1\r\nHost: a.test:1\r\nAuthorization: Bearer sk-1\r\n"
      + "Content-Type: application/json\r\nContent-Length: 0120\r\nX-Id: 7f\r\n\r\n",
    "GET /v1/models?key=AIza1&x=/ HTTP/1.1\r\nX-A: \t a b \t\r\nhost:\ta\r\nX-Empty:  \r\n\r\n",
    "POST http://a:1/v1 HTTP/1.1\r\nHost: a:1\r\nConnection: close, X-A\r\nX-A: b c\r\n"
      + "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\nx-latin: \u{e9}a\r\n\r\n",
    "GET /socket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
      + "Sec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n\r\n",
    "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\nCookie: a=b; c=d\r\nCOOKIE: e\r\nZ:1\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\nOrigin: x\r\nTE: trailers\r\n\r\n",
  ]

  static let responses = [
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nx-request-id: req_1\r\n"
      + "Transfer-Encoding: chunked\r\nSet-Cookie: a=b; c\r\n\r\n",
    "HTTP/1.1 429 \r\nContent-Length: 12\r\nRetry-After: 1\r\nVia: \r\nconnection: X-A\r\n\r\n",
    "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\ncontent-length:000007\r\nDate: Mon, 1 Dec\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nX-A: b\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 12\r\nETag: \"a\"\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n",
    "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-A: b\r\n\r\n",
    "HTTP/1.0 200 Until The End\r\nServer: x/1.0\r\n\r\n",
  ]

  // MARK: Known heads are what parsing finds

  @Test(arguments: requests)
  func `a request that was learnt is known, and is what it was`(text: String) throws {
    let memory = Memory()
    let head = try RequestHead(parsing: Array(text.utf8))
    memory.learn(head)
    // A tab inside a value is left to the parser; these have none.
    let known = try #require(memory.known(Array(text.utf8) + Array("more".utf8)))
    #expect(Findings(known) == Findings(head))
    #expect(known.form != .none && head.form == .none)
  }

  @Test(arguments: responses, [true, false])
  func `an answer that was learnt is known, and is what it was`(text: String, toHEAD: Bool) throws {
    let memory = Memory()
    let head = try ResponseHead(parsing: Array(text.utf8), answeringHEAD: toHEAD)
    memory.learn(head, answeringHEAD: toHEAD)
    let known = try #require(memory.known(Array(text.utf8), answeringHEAD: toHEAD))
    #expect(Findings(known) == Findings(head))
    #expect(memory.known(Array(text.utf8), answeringHEAD: !toHEAD) == nil)
  }

  @Test(arguments: requests)
  func `whatever is changed in a request, it is known for what it is or not at all`(
    text: String
  ) throws {
    let memory = Memory()
    let head = Array(text.utf8)
    memory.learn(try RequestHead(parsing: head))
    var knownCount = 0
    for changed in Self.changes(of: head) {
      guard let known = memory.known(changed) else { continue }
      knownCount += 1
      #expect(Findings(known) == Findings(ofRequest: changed), "\(changed)")
    }
    // The head itself, and others with it: the test looks at something.
    #expect(knownCount > 10 || text.hasPrefix("OPTIONS"))
  }

  @Test(arguments: responses, [true, false])
  func `whatever is changed in an answer, it is known for what it is or not at all`(
    text: String, toHEAD: Bool
  ) throws {
    let memory = Memory()
    let head = Array(text.utf8)
    memory.learn(
      try ResponseHead(parsing: head, answeringHEAD: toHEAD), answeringHEAD: toHEAD)
    for changed in Self.changes(of: head) {
      guard let known = memory.known(changed, answeringHEAD: toHEAD) else { continue }
      #expect(
        Findings(known) == Findings(ofResponse: changed, answeringHEAD: toHEAD), "\(changed)")
    }
  }

  @Test(arguments: 0..<20)
  func `a memory of many heads knows them for what they are, however damaged`(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let memory = Memory()
    var knownCount = 0
    for _ in 0..<300 {
      let bytes = Self.damaged(Self.requests.randomElement(using: &random) ?? "", using: &random)
      if let known = memory.known(bytes) {
        knownCount += 1
        #expect(Findings(known) == Findings(ofRequest: bytes), "\(bytes)")
      } else if let head = try? RequestHead(parsing: bytes) {
        memory.learn(head)
      }
    }
    #expect(knownCount > 20)
  }

  /// Each byte replaced, left out, and followed by another one; and the head cut short there.
  private static func changes(of head: [UInt8]) -> [[UInt8]] {
    let others = Array("\r\n\0\t :,?#/aZ09\u{1f}\u{7f}".utf8) + [0x80, 0xFF]
    var changes = [head, head + head]
    for at in head.indices {
      let (front, rest) = (head[..<at], head[at...])
      changes.append(Array(front))
      changes.append(Array(front) + Array(rest.dropFirst()))
      for other in others {
        changes.append(Array(front) + [other] + Array(rest.dropFirst()))
        changes.append(Array(front) + [other] + Array(rest))
        // Moved by one, to the same length: what parts of the head then stand elsewhere.
        changes.append(Array(front) + [other] + Array(rest.dropFirst(2)) + [0x0A])
      }
    }
    return changes
  }

  private static func damaged(_ text: String, using random: inout SeededRandom) -> [UInt8] {
    let wanted = Array("\r\n\t :,/?#[]%@0129aZ\0\u{7F}é".utf8)
    var bytes = Array(text.utf8)
    for _ in 0..<Int.random(in: 0...3, using: &random) {
      let at = Int.random(in: 0..<bytes.count, using: &random)
      bytes[at] = wanted.randomElement(using: &random) ?? 0
    }
    return bytes
  }

  // MARK: What may differ

  @Test func `values that decide nothing may be any of their length`() throws {
    let memory = Memory()
    let head = { (key: String, length: String, query: String) in
      "POST /v1?\(query) HTTP/1.1\r\nHost: a\r\nAuthorization: \(key)\r\nContent-Length: \(length)\r\n"
        + "\r\n"
    }
    memory.learn(try RequestHead(parsing: Array(head("Bearer sk-1", "123", "key=a").utf8)))
    let known = try #require(memory.known(Array(head("Basic x: é", "045", "key=b").utf8)))
    #expect(known.framing == .length(45))
    #expect(known.headers.first("authorization").map(known.headers.string) == "Basic x: é")
    #expect(known.headers.string(known.target) == "/v1?key=b")
    for (key, length, query) in [
      ("Bearer sk-12", "123", "key=a"), ("Bearer sk-1", "12a", "key=a"),
      ("Bearer sk-1", "+12", "key=a"), ("Bearer sk-1", "12 ", "key=a"),
      (" earer sk-1", "123", "key=a"), ("Bearer sk- ", "123", "key=a"),
      ("Bearer\u{1}sk-1", "123", "key=a"), ("Bearer\u{7f}sk-1", "123", "key=a"),
      ("Bearer sk-1", "123", "ke#=a"), ("Bearer sk-1", "123", "key=\u{7f}"),
    ] {
      #expect(
        memory.known(Array(head(key, length, query).utf8)) == nil, "\(key) \(length) \(query)")
    }
  }

  @Test(arguments: [
    "Host: b", "Connection: clope", "Expect: 100-continuf", "Upgrade: h2d",
    "Transfer-Encoding: chunkee",
  ])
  func `a value that decides what a head means may not differ`(line: String) throws {
    var own = line
    own.unicodeScalars.append(Unicode.Scalar(own.unicodeScalars.removeLast().value - 1)!)
    if own.hasSuffix("clopd") { own = "Connection: close" }
    let head = { (line: String) in
      Array(
        ("POST / HTTP/1.1\r\n\(line)\r\n" + (line.hasPrefix("Host") ? "" : "Host: a\r\n")
          + "X-Padding: 0123456789\r\n\r\n").utf8)
    }
    let memory = Memory()
    memory.learn(try RequestHead(parsing: head(own)))
    #expect(memory.known(head(own)) != nil)
    #expect(memory.known(head(line)) == nil)
  }

  @Test func `a number that frames nothing may not differ`() throws {
    let head = { (length: String) in
      Array("HTTP/1.1 204 No\r\nContent-Length: \(length)\r\nX-A: 1\r\n\r\n".utf8)
    }
    let memory = Memory()
    memory.learn(
      try ResponseHead(parsing: head("0"), answeringHEAD: false), answeringHEAD: false)
    #expect(memory.known(head("0"), answeringHEAD: false)?.framing == BodyFraming.none)
    #expect(memory.known(head("5"), answeringHEAD: false) == nil)
  }

  // MARK: Limits

  @Test func `a head over the connection's limit is not known`() throws {
    let head = Array(Self.requests[0].utf8)
    let memory = Memory()
    memory.learn(try RequestHead(parsing: head))
    #expect(memory.known(head, limitBytes: head.count) != nil)
    #expect(memory.known(head, limitBytes: head.count - 1) == nil)
  }

  @Test(arguments: [(-1, false), (0, true), (2016, true), (2017, false)])
  func `short heads and long ones are not learnt`(padding: Int, isLearnt: Bool) throws {
    let head = Array(
      ("GET / HTTP/1.1\r\nHost: a\r\nB:\(String(repeating: "b", count: padding + 1))\r\n\r\n").utf8)
    #expect(head.count == padding + 32)
    let memory = Memory()
    memory.learn(try RequestHead(parsing: head))
    #expect((memory.known(head) != nil) == isLearnt)
  }

  @Test func `few heads are kept, those that were of use last`() throws {
    let head = { (number: Int) in
      Array("GET /v1/models/\(number) HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
    }
    let memory = Memory()
    for number in 0..<8 { memory.learn(try RequestHead(parsing: head(number))) }
    #expect((0..<8).allSatisfy { memory.known(head($0)) != nil })
    _ = memory.known(head(0))
    // What comes later is learnt now and then only, at each 64th; the first eight have counted seven.
    for _ in 0..<56 { memory.learn(try RequestHead(parsing: head(8))) }
    #expect(memory.known(head(8)) == nil)
    memory.learn(try RequestHead(parsing: head(8)))
    #expect(memory.known(head(8)) != nil)
    #expect(memory.known(head(0)) != nil)
    #expect((1..<8).count { memory.known(head($0)) != nil } == 6)
  }

  @Test func `forms are told apart`() throws {
    let memories = [Memory(), Memory()]
    let heads = Self.requests.map { Array($0.utf8) }
    var forms: [HeadForm] = []
    for index in memories.indices {
      for head in heads { memories[index].learn(try RequestHead(parsing: head)) }
      for head in heads { forms.append(try #require(memories[index].known(head)).form) }
    }
    for (index, form) in forms.enumerated() { #expect(!forms[..<index].contains(form)) }
  }

  // MARK: Secrets

  @Test func `no value of one client is kept`() throws {
    let memory = Memory()
    let names = ["Authorization", "x-api-key", "Cookie", "X-Any", "api-key", "Idempotency-Key"]
    let lines = names.map { "\($0): s3cret-\($0)\r\n" }.joined()
    let request = "GET /v1?key=s3cret HTTP/1.1\r\nHost: kept\r\n\(lines)\r\n"
    memory.learn(try RequestHead(parsing: Array(request.utf8)))
    let response = "HTTP/1.1 200 OK\r\nSet-Cookie: s3cret\r\n\(lines)\r\n"
    memory.learn(
      try ResponseHead(parsing: Array(response.utf8), answeringHEAD: false), answeringHEAD: false)
    #expect(memory.known(Array(request.utf8)) != nil)
    let kept = Reflected(memory.heads)
    #expect(kept.holds("kept"))
    #expect(!kept.holds("s3cret") && !kept.holds("cret"))
  }
}

/// A memory that is asked from within expectations.
private final class Memory {
  private(set) var heads = HeadMemory()

  func learn(_ head: RequestHead) { heads.learn(head) }

  func learn(_ head: ResponseHead, answeringHEAD: Bool) {
    heads.learn(head, answeringHEAD: answeringHEAD)
  }

  func known(_ bytes: [UInt8], limitBytes: Int = 8192) -> RequestHead? {
    heads.request(in: bytes.span, limitBytes: limitBytes)
  }

  func known(_ bytes: [UInt8], answeringHEAD: Bool) -> ResponseHead? {
    heads.response(in: bytes.span, limitBytes: 8192, answeringHEAD: answeringHEAD)
  }
}

/// All arrays of bytes that a value holds, at any depth.
struct Reflected {
  private var arrays: [[UInt8]] = []

  init(_ value: Any) { add(value) }

  private mutating func add(_ value: Any) {
    if let bytes = value as? [UInt8] { return arrays.append(bytes) }
    for child in Mirror(reflecting: value).children { add(child.value) }
  }

  func holds(_ text: String) -> Bool {
    arrays.contains { String(decoding: $0, as: UTF8.self).contains(text) }
  }
}
