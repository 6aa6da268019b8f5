// HTTP/1.1: what weir reads is what the strict reading reads, however the bytes are cut.

internal import Wire

/// What weir makes of bytes that should begin with a head, in the strict reading's words.
private struct WeirHead {
  let reader: StrictReader
  var collector: HeadCollector
  var taken = 0
  var found = StrictHead.incomplete

  init(_ reader: StrictReader) {
    self.reader = reader
    collector = HeadCollector(
      limitBytes: reader.limit, allowsLeadingBlankLine: reader.isRequest)
  }

  mutating func take(_ bytes: Span<UInt8>) {
    guard found == .incomplete else { return }
    do throws(HTTP1Error) {
      switch try collector.take(bytes) {
      case .needMore: taken += bytes.count
      case .complete(let count):
        taken += count
        found = .whole(try parse(collector.removeHead()), end: taken)
      }
    } catch {
      found = .refused
    }
  }

  private func parse(_ bytes: [UInt8]) throws(HTTP1Error) -> StrictMessage {
    if reader.isRequest {
      let head = try RequestHead(parsing: bytes)
      let version = head.version == .http10 ? "HTTP/1.0" : "HTTP/1.1"
      return StrictMessage(
        start: [text(bytes, head.method), text(bytes, head.target), version],
        fields: fields(head.headers), framing: framing(head.framing), persists: head.isPersistent)
    }
    let head = try ResponseHead(parsing: bytes, answeringHEAD: reader.answersHEAD)
    let version = head.version == .http10 ? "HTTP/1.0" : "HTTP/1.1"
    return StrictMessage(
      start: [version, String(head.status), text(bytes, head.reason)],
      fields: fields(head.headers), framing: framing(head.framing), persists: head.isPersistent)
  }

  private func text(_ bytes: [UInt8], _ range: Range<Int>) -> String {
    StrictReader.text(Array(bytes[range]))
  }

  private func fields(_ headers: HeaderFields) -> [[String]] {
    headers.fields.map { [text(headers.bytes, $0.name), text(headers.bytes, $0.value)] }
  }

  private func framing(_ framing: BodyFraming) -> StrictFraming {
    switch framing {
    case .none: .none
    case .length(let count): .length(count)
    case .chunked: .chunked
    case .untilClose: .untilClose
    }
  }
}

private func fuzzHead(_ input: UnsafeRawBufferPointer, by reader: StrictReader) {
  let found = agreed(
    input, "a head depends on how it is cut", start: { WeirHead(reader) },
    feed: { $0.take($1) }, found: { $0.found })
  expectEqual(found, reader.read(Array(input)), "weir and the strict reading differ")
}

/// A small limit, so that the fuzzer meets it.
private let headLimit = 1024

func fuzzRequests(_ input: UnsafeRawBufferPointer) {
  fuzzHead(input, by: StrictReader(limit: headLimit, isRequest: true))
}

func fuzzResponses(_ input: UnsafeRawBufferPointer) {
  fuzzHead(input, by: StrictReader(limit: headLimit, isRequest: false))
  fuzzHead(input, by: StrictReader(limit: headLimit, isRequest: false, answersHEAD: true))
}

private struct WeirChunks: Equatable {
  var reader = BodyReader(.chunked)
  var payload: [UInt8] = []
  var end = 0
  var error: HTTP1Error?

  mutating func take(_ bytes: Span<UInt8>) {
    guard !reader.isEnded, error == nil else { return }
    var ranges: [Range<Int>] = []
    let reading = reader.read(bytes, payload: &ranges)
    for range in ranges { for at in range { payload.append(bytes[at]) } }
    end += reading.consumed
    error = reading.error
  }

  static func == (left: WeirChunks, right: WeirChunks) -> Bool {
    left.payload == right.payload && left.end == right.end && left.error == right.error
      && left.reader.isEnded == right.reader.isEnded
  }
}

func fuzzChunkedBody(_ input: UnsafeRawBufferPointer) {
  let found = agreed(
    input, "a chunked body depends on how it is cut", start: { WeirChunks() },
    feed: { $0.take($1) }, found: { $0 })
  let strict = StrictChunks(Array(input))
  expectEqual(found.reader.isEnded, strict != nil, "weir and the strict reading differ: whole")
  guard let strict else { return }
  expectEqual(found.payload, strict.payload, "weir and the strict reading differ: payload")
  expectEqual(found.end, strict.end, "weir and the strict reading differ: end")
}
