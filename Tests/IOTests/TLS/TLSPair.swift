// A client's and a server's session, back to back in memory: the network is an array of bytes, cut
// into pieces as the test wishes.

import CSystem
import Testing

@testable import IO

/// How the network cuts what one side sends.
enum Pieces: Sendable, CustomTestStringConvertible {
  case whole
  case bytes
  /// Pieces of 1 to 3,000 bytes, repeatable by their seed.
  case random(seed: UInt64)

  static let all: [Pieces] = [.whole, .bytes] + (1...8).map { .random(seed: $0) }

  func cut(_ bytes: [UInt8]) -> [[UInt8]] {
    switch self {
    case .whole: return [bytes]
    case .bytes: return bytes.map { [$0] }
    case .random(let seed):
      var generator = SeededGenerator(state: seed)
      var rest = bytes[...]
      var pieces: [[UInt8]] = []
      while !rest.isEmpty {
        pieces.append(Array(rest.prefix(Int.random(in: 1...3000, using: &generator))))
        rest = rest.dropFirst(pieces[pieces.count - 1].count)
      }
      return pieces
    }
  }

  var testDescription: String {
    switch self {
    case .whole: "whole"
    case .bytes: "byte by byte"
    case .random(let seed): "random, seed \(seed)"
    }
  }
}

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }
  }
}

/// One end, and all that reached it.
final class TLSPeer {
  let session: TLSSession
  private let buffers: TLSBuffers
  private(set) var received: [UInt8] = []
  private(set) var error: TLSError?

  init(_ session: TLSSession, buffers: TLSBuffers) {
    self.session = session
    self.buffers = buffers
  }

  func start() -> [UInt8] { perform { () throws(TLSError) in try session.start() } }

  func send(_ bytes: [UInt8]) -> [UInt8] {
    perform { () throws(TLSError) in
      var rest = bytes[...]
      while !rest.isEmpty {
        let piece = Array(rest.prefix(TLSSession.sendLimitBytes))
        rest = rest.dropFirst(piece.count)
        try Self.lend(piece) { bytes throws(TLSError) in try session.send(bytes) }
        pending += buffers.outgoing
        buffers.clearOutgoing()
      }
    }
  }

  func close() -> [UInt8] { perform { () throws(TLSError) in session.close() } }

  /// Feeds one piece and returns what the session answers to the network.
  func take(_ ciphertext: [UInt8]) -> [UInt8] {
    perform { () throws(TLSError) in
      let room = UnsafeMutableRawBufferPointer.allocate(
        byteCount: ciphertext.count + TLSSession.plaintextSlackBytes, alignment: 1)
      defer { room.deallocate() }
      let result = try Self.lend(ciphertext) { bytes throws(TLSError) in
        try session.receive(bytes, into: room)
      }
      if case .plaintext(let count) = result { received += room.prefix(count) }
    }
  }

  private var pending: [UInt8] = []

  /// Runs one call and empties the buffers after it, as a loop does, also if the call threw.
  private func perform(_ call: () throws(TLSError) -> Void) -> [UInt8] {
    do throws(TLSError) { try call() } catch { self.error = self.error ?? error }
    defer {
      pending = []
      buffers.clearOutgoing()
    }
    return pending + buffers.outgoing
  }

  /// A copy of its own for each piece, so that reading past its end is seen by address sanitizer.
  private static func lend<R>(
    _ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(TLSError) -> R
  ) throws(TLSError) -> R {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: bytes)
    return try body(UnsafeRawBufferPointer(copy))
  }
}

final class TLSPair {
  let client: TLSPeer
  let server: TLSPeer
  private let pieces: Pieces

  /// Both sessions share `buffers`, as all sessions of a loop do.
  init(
    client: TLSContext, server: TLSContext, name: String = "weir.test",
    cache: TLSSessionCache? = nil, buffers: TLSBuffers = TLSBuffers(), pieces: Pieces = .whole
  ) throws {
    self.client = TLSPeer(
      try TLSSession(client: client, serverName: name, cache: cache, buffers: buffers),
      buffers: buffers)
    self.server = TLSPeer(try TLSSession(server: server, buffers: buffers), buffers: buffers)
    self.pieces = pieces
  }

  func handshake() { carry(toServer: client.start()) }

  func sendFromClient(_ bytes: [UInt8]) { carry(toServer: client.send(bytes)) }

  func sendFromServer(_ bytes: [UInt8]) { carry(toClient: server.send(bytes)) }

  /// Carries bytes to and fro until neither side has more to say.
  func carry(toServer: [UInt8] = [], toClient: [UInt8] = []) {
    var toServer = toServer
    var toClient = toClient
    while !toServer.isEmpty || !toClient.isEmpty {
      let answers = pieces.cut(toServer).flatMap { server.take($0) }
      toServer = pieces.cut(toClient + answers).flatMap { client.take($0) }
      toClient = []
    }
  }

  var isEstablished: Bool { client.session.isEstablished && server.session.isEstablished }
}

extension TestCertificates {
  static func require() throws -> TestCertificates { try #require(shared) }

  func clientContext() throws -> TLSContext {
    try TLSContext(client: TLSClientOptions(caFile: authority))
  }

  func serverContext(
    _ identity: Identity? = nil, clientCA: String? = nil, version: TLSVersion = .v13
  ) throws -> TLSContext {
    let identity = identity ?? server
    let context = try TLSContext(
      server: TLSServerOptions(
        certificateFile: identity.certificate, keyFile: identity.key, clientCAFile: clientCA))
    weir_ssl_ctx_set_max_version(context.pointer, version.number)
    return context
  }
}

enum TLSVersion: String, CaseIterable, Sendable {
  case v12 = "TLSv1.2"
  case v13 = "TLSv1.3"

  var number: Int32 { self == .v12 ? TLS1_2_VERSION : TLS1_3_VERSION }
}
