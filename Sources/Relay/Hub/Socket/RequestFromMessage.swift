// The HTTP request that a message stands for.

internal import Hub
internal import Wire

extension RequestHead {
  /// Fields that say what becomes of a connection or how a body is framed: the message has neither.
  private static let own: Set<String> = [
    "host", "connection", "content-length", "transfer-encoding", "upgrade", "keep-alive", "te",
    "trailer", "expect", "proxy-connection", "http2-settings",
  ]

  /// Reads a command as the head of a request, as strictly as if it had come over a connection.
  ///
  /// - Parameter defaults: fields for the names that the command does not give.
  init(
    of command: SocketCommand, host: [UInt8], defaults: [SocketCommand.Header]
  ) throws(CommandRefusal) {
    let fields = try Self.fields(of: command, defaults)
    let text = Self.text(of: command, host, fields)
    do throws(HTTP1Error) {
      var collector = HeadCollector(limitBytes: 64 * 1024)
      guard case .complete(let taken) = try collector.take(text.span), taken == text.count else {
        throw HTTP1Error.badHeadEnding
      }
      self = try RequestHead(parsing: collector.removeHead())
    } catch {
      throw .noRequest
    }
    guard !isUpgrade, !isMethod("CONNECT"), !isMethod("HEAD") else {
      throw CommandRefusal("this method is not for a message")
    }
  }

  /// The command's own fields, those that follow from it, and the defaults that it leaves room for.
  private static func fields(
    of command: SocketCommand, _ defaults: [SocketCommand.Header]
  ) throws(CommandRefusal) -> [SocketCommand.Header] {
    let named = Set(command.headers.map { $0.name.lowercased() })
    let further = defaults.filter { !named.contains($0.name.lowercased()) }
    for (name, _) in command.headers + further where own.contains(name.lowercased()) {
      throw CommandRefusal("\(name.prefix(64)) is no header for a message")
    }
    guard isText(command, command.headers + further) else { throw .noRequest }
    let given = named.union(further.map { $0.name.lowercased() })
    var implied: [SocketCommand.Header] = []
    if command.bodyIsJSON, !given.contains("content-type") {
      implied.append(("Content-Type", "application/json"))
    }
    // A compressed stream can be read by nobody here.
    if !given.contains("accept-encoding") { implied.append(("Accept-Encoding", "identity")) }
    return command.headers + implied + further
  }

  /// What stands in a JSON string could end a line: the parser would take it for two.
  private static func isText(_ command: SocketCommand, _ fields: [SocketCommand.Header]) -> Bool {
    let isValue = { (text: String) in
      text.utf8.allSatisfy { $0 == 0x09 || $0 >= 0x20 && $0 != 0x7F }
    }
    let isWord = { (text: String) in
      !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
    }
    return isWord(command.method ?? "GET") && isWord(command.path ?? "/")
      && fields.allSatisfy { isWord($0.name) && !$0.name.contains(":") && isValue($0.value) }
  }

  private static func text(
    of command: SocketCommand, _ host: [UInt8], _ fields: [SocketCommand.Header]
  ) -> [UInt8] {
    let method = command.method ?? (command.body == nil ? "GET" : "POST")
    var text = Array("\(method) \(command.path ?? "/") HTTP/1.1\r\nHost: ".utf8) + host
    for (name, value) in fields { text += Array("\r\n\(name): \(value)".utf8) }
    if let body = command.body { text += Array("\r\nContent-Length: \(body.count)".utf8) }
    return text + Array("\r\n\r\n".utf8)
  }
}

extension CommandRefusal {
  fileprivate static var noRequest: CommandRefusal {
    CommandRefusal("method, path and headers make no request")
  }
}

extension RequestHead {
  /// Whether it comes from no page, or from one of this very host.
  var isOfSameOrigin: Bool {
    guard let origin = headers.first("origin") else { return true }
    guard let host = headers.first("host") else { return false }
    let page = headers.string(origin).lowercased()
    let here = headers.string(host).lowercased()
    return page == "http://\(here)" || page == "https://\(here)"
  }

  /// The fields of a handshake that are the request's and not the handshake's.
  var forwardedFields: [SocketCommand.Header] {
    headers.fields.compactMap { field in
      let name = headers.string(field.name)
      let lower = name.lowercased()
      // What a browser can decompress is not what this socket can.
      guard !Self.own.contains(lower), !lower.hasPrefix("sec-websocket-"),
        lower != "accept-encoding", !headers.connectionNominates(field)
      else { return nil }
      return (name, headers.string(field.value))
    }
  }
}

extension HeaderFields {
  /// The fields by which providers know their callers, as defaults for a socket's commands.
  var credentials: [SocketCommand.Header] {
    fields.compactMap { field in
      let names: [StaticString] = [
        "authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie",
      ]
      guard names.contains(where: { name(field, is: $0) }) else { return nil }
      return (string(field.name), string(field.value))
    }
  }
}
