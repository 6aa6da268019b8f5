// What a socket's client may ask for, command by command.

internal import Connections
internal import Hub
internal import IO
internal import Telemetry
internal import Wire

extension HubSocket {
  func obey(_ bytes: [UInt8]) {
    guard let document = JSONDocument(bytes) else {
      return refuse(nil, CommandRefusal("the message is no JSON", reason: "bad_json"))
    }
    let id = SocketCommand.id(in: document)
    do throws(CommandRefusal) {
      let command = try SocketCommand(document)
      guard !isEnding else {
        throw CommandRefusal("weir is draining and takes no new requests", reason: "draining")
      }
      switch command.name {
      case .hello: try hello(command, id)
      case .start: try start(command, id, head: try request(for: command))
      case .subscribe: try subscribe(command, id)
      case .unsubscribe: try unsubscribe(command, id)
      case .stop: try stop(command, id)
      case .pause: try eachStream(command) { $0.pause() }
      case .resume: try resume(command)
      }
    } catch {
      refuse(id, error)
    }
  }

  private func hello(_ command: SocketCommand, _ id: String?) throws(CommandRefusal) {
    var fields = defaults
    for (name, value) in command.headers {
      fields.removeAll { $0.name.lowercased() == name.lowercased() }
      fields.append((name, value))
    }
    // They are kept as long as the socket, and would make no request's head if they were more.
    let bytes = fields.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
    guard bytes <= relay.options.server.headLimitBytes else {
      throw CommandRefusal("these headers are more than max_header_bytes together")
    }
    defaults = fields
    message.began("ready", id: id)
    send(message)
  }

  func checkRoom() throws(CommandRefusal) {
    guard streams.count + requests.count < Self.mostStreams else {
      throw CommandRefusal(
        "this socket has \(Self.mostStreams) streams, as many as it may", reason: "too_many")
    }
  }

  private func subscribe(_ command: SocketCommand, _ id: String?) throws(CommandRefusal) {
    guard let name = command.stream else { return }
    try checkRoom()
    guard stream(name) == nil else {
      throw CommandRefusal("this socket has that stream already", reason: "subscribed")
    }
    let stream = SocketStream(
      name, as: try credential(for: command), after: command.after, offset: command.offset,
      view: command.view, lag: relay.options.hub.lag, at: relay.hub, for: self)
    do throws(FollowRefusal) {
      try stream.follow()
    } catch {
      return refuse(id, stream: name, error)
    }
    streams.append(stream)
    message.began("subscribed", id: id, stream: name.text, after: command.after)
    send(message)
    stream.pump()
  }

  /// Who asks, as if it were a request of its own.
  private func credential(for command: SocketCommand) throws(CommandRefusal) -> StreamCredential {
    StreamCredential(of: try request(for: command))
  }

  private func unsubscribe(_ command: SocketCommand, _ id: String?) throws(CommandRefusal) {
    let stream = try ownStream(command)
    remove(stream)
    stream.leave()
    message.began("unsubscribed", id: id, stream: stream.id.text)
    send(message)
  }

  private func stop(_ command: SocketCommand, _ id: String?) throws(CommandRefusal) {
    guard let name = command.stream else { return }
    let asker: StreamCredential
    if let own = stream(name) {
      asker = own.credential
    } else {
      asker = try credential(for: command)
    }
    switch relay.hub.stop(name, as: asker) {
    case .found:
      message.began("stopped", id: id, stream: name.text)
      send(message)
    case .forbidden: refuse(id, stream: name, .forbidden)
    case .gone(let absence): refuse(id, stream: name, .gone(absence))
    }
  }

  private func resume(_ command: SocketCommand) throws(CommandRefusal) {
    let affected = command.stream == nil ? streams : [try ownStream(command)]
    for stream in affected {
      do throws(FollowRefusal) {
        try stream.resume()
      } catch {
        remove(stream)
        stream.leave()
        refuse(nil, stream: stream.id, error)
      }
    }
  }

  private func eachStream(
    _ command: SocketCommand, _ body: (SocketStream) -> Void
  ) throws(CommandRefusal) {
    if command.stream != nil { return body(try ownStream(command)) }
    for stream in streams { body(stream) }
  }

  private func ownStream(_ command: SocketCommand) throws(CommandRefusal) -> SocketStream {
    guard let name = command.stream, let stream = stream(name) else {
      throw CommandRefusal("this socket does not have that stream", reason: "unknown")
    }
    return stream
  }

  func stream(_ name: StreamID) -> SocketStream? { streams.first { $0.id == name } }

  func remove(_ stream: SocketStream) { streams.removeAll { $0 === stream } }
}
