// All that a parser finds in a head, to compare one way of finding it with another.

internal import Wire

/// What was found, and in how many bytes; or the rule that they break.
struct Findings: Equatable {
  private var text = ""

  init(_ head: RequestHead) {
    text = "\(head.method) \(head.target) \(head.originTarget) \(head.version) \(head.framing)"
    text += " \(head.isPersistent) \(head.expectsContinue) \(head.isUpgrade)"
    add(head.headers)
  }

  init(_ head: ResponseHead) {
    text = "\(head.version) \(head.status) \(head.reason) \(head.framing) \(head.isPersistent)"
    add(head.headers)
  }

  /// As a connection finds it that remembers nothing.
  init(ofRequest bytes: [UInt8]) {
    self.init(of: bytes, allowsLeadingBlankLine: true) { head throws(HTTP1Error) in
      Findings(try RequestHead(parsing: head))
    }
  }

  init(ofResponse bytes: [UInt8], answeringHEAD: Bool) {
    self.init(of: bytes, allowsLeadingBlankLine: false) { head throws(HTTP1Error) in
      Findings(try ResponseHead(parsing: head, answeringHEAD: answeringHEAD))
    }
  }

  private init(
    of bytes: [UInt8], allowsLeadingBlankLine: Bool,
    _ parse: ([UInt8]) throws(HTTP1Error) -> Findings
  ) {
    var collector = HeadCollector(
      limitBytes: 8192, allowsLeadingBlankLine: allowsLeadingBlankLine)
    do throws(HTTP1Error) {
      switch try collector.take(bytes.span) {
      case .needMore: text = "more is needed"
      case .complete(let taken):
        let head = collector.removeHead()
        self = try parse(head)
        if taken != head.count { text += ", not all of what was taken" }
      }
    } catch {
      text = "\(error)"
    }
  }

  private mutating func add(_ headers: HeaderFields) {
    text += "\n\(headers.bytes)"
    for field in headers.fields {
      text += "\n\(field.name) \(field.value) \(field.line) \(headers.connectionNominates(field))"
      text += " \(headers.name(field, is: "x-a")) \(headers.name(field, is: "content-length"))"
    }
    text += "\n\(headers.first("x-a") as Any) \(headers.count(of: "cookie"))"
    text += " \(headers.list("connection", contains: "x-a"))"
  }
}
