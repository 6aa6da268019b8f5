// Goal: two sessions agree where they should, and refuse each other, with a reason, where they
// should not. Method: real handshakes in memory between certificates made for the purpose.

import CSystem
import Testing

@testable import IO

@Suite(.enabled(if: TestCertificates.shared != nil, "\(TestCertificates.absence)"))
struct TLSHandshakeTests {
  let certificates: TestCertificates

  init() throws { certificates = try TestCertificates.require() }

  @Test(arguments: TLSVersion.allCases, Pieces.all)
  func sessionsAgreeHoweverTheNetworkCutsTheirBytes(version: TLSVersion, pieces: Pieces) throws {
    let pair = try TLSPair(
      client: certificates.clientContext(),
      server: certificates.serverContext(version: version), pieces: pieces)
    #expect(pair.client.session.progress == .handshaking)
    pair.handshake()

    #expect(pair.client.error == nil && pair.server.error == nil)
    for session in [pair.client.session, pair.server.session] {
      #expect(session.isEstablished)
      #expect(session.negotiatedProtocol == version.rawValue)
      #expect(session.negotiatedApplicationProtocol == "http/1.1")
      #expect(!session.wasResumed && !session.isClosedByPeer)
    }
  }

  /// The first flight is not encrypted, so the name it asks for can be found in it.
  @Test func hostNamesAreAskedForAndAddressesAreNot() throws {
    let server = try certificates.serverContext()
    for (name, isAsked) in [("weir.test", true), ("127.0.0.1", false), ("::1", false)] {
      let pair = try TLSPair(client: certificates.clientContext(), server: server, name: name)
      let flight = pair.client.start()
      #expect(flight.contains(Array(name.utf8)) == isAsked, "\(name)")
      pair.carry(toServer: flight)
      #expect(pair.isEstablished, "\(name): \(String(describing: pair.client.error))")
    }
  }

  @Test(arguments: ["weir.test.", "WEIR.test", "one.wild.test"])
  func namesThatMeanTheCertificatesAreTaken(name: String) throws {
    let pair = try TLSPair(
      client: certificates.clientContext(), server: certificates.serverContext(), name: name)
    pair.handshake()
    #expect(pair.isEstablished, "\(String(describing: pair.client.error))")
  }

  @Test(arguments: [
    "other.test", "test", "weir.test.evil.example", "wild.test", "two.levels.wild.test",
    "127.0.0.2", "::2", "xweir.test", "*.wild.test.example",
  ])
  func otherNamesAreRefused(name: String) throws {
    let pair = try TLSPair(
      client: certificates.clientContext(), server: certificates.serverContext(), name: name)
    pair.handshake()
    let error = try #require(pair.client.error)
    #expect(error.kind == .certificate)
    #expect(error.message.contains("mismatch (wanted \(name))"))
    #expect(!pair.isEstablished)
    // The refusal reached the server as an alert, although the client's call threw.
    #expect(pair.server.error?.kind == .certificate)
  }

  /// With an empty name OpenSSL would verify none; past a zero byte it would verify a part.
  @Test(arguments: ["", ".", "weir.test\0.evil.example"])
  func namesThatCannotBeVerifiedMakeNoSession(name: String) throws {
    let context = try certificates.clientContext()
    let error = #expect(throws: TLSError.self) {
      try TLSSession(client: context, serverName: name, cache: nil, buffers: TLSBuffers())
    }
    #expect(error?.kind == .settings)
  }

  @Test func theSettingsNameStandsAboveTheHost() throws {
    let client = try TLSContext(
      client: TLSClientOptions(caFile: certificates.authority, serverName: "weir.test"))
    let pair = try TLSPair(
      client: client, server: certificates.serverContext(), name: "elsewhere.example")
    pair.handshake()
    #expect(pair.isEstablished)
  }

  @Test(arguments: TLSVersion.allCases)
  func anUnknownAuthorityIsRefused(version: TLSVersion) throws {
    let client = try TLSContext(client: TLSClientOptions(caFile: certificates.otherAuthority))
    let pair = try TLSPair(client: client, server: certificates.serverContext(version: version))
    pair.handshake()
    #expect(pair.client.error?.kind == .certificate)
    #expect(pair.client.error?.message.contains("local issuer certificate") == true)
    #expect(pair.server.error?.message.contains("unknown ca") == true)
    #expect(!pair.isEstablished)
  }

  /// The system's authorities did not sign a certificate made a moment ago.
  @Test func theSystemsAuthoritiesAreTheDefault() throws {
    let client = try TLSContext(client: TLSClientOptions())
    let pair = try TLSPair(client: client, server: certificates.serverContext())
    pair.handshake()
    #expect(pair.client.error?.kind == .certificate)
  }

  @Test func anExpiredCertificateIsRefused() throws {
    let pair = try TLSPair(
      client: certificates.clientContext(),
      server: certificates.serverContext(certificates.expired))
    pair.handshake()
    #expect(
      pair.client.error
        == TLSError(.certificate, "certificate verify failed: certificate has expired"))
  }

  @Test func aServerShowsItsWholeChain() throws {
    let pair = try TLSPair(
      client: certificates.clientContext(),
      server: certificates.serverContext(certificates.chained))
    pair.handshake()
    #expect(pair.isEstablished, "\(String(describing: pair.client.error))")
  }

  @Test(arguments: TLSVersion.allCases)
  func aClientsCertificateIsTaken(version: TLSVersion) throws {
    let pair = try mutualPair(showing: certificates.client, version: version)
    pair.handshake()
    #expect(pair.isEstablished, "\(String(describing: pair.server.error))")
    pair.sendFromClient([1, 2, 3])
    #expect(pair.server.received == [1, 2, 3])
  }

  /// In TLS 1.3 a client is done before the server has seen its certificate; it learns of the refusal
  /// by an alert that comes after its own handshake.
  @Test(arguments: TLSVersion.allCases)
  func aClientWithoutACertificateIsRefused(version: TLSVersion) throws {
    let pair = try mutualPair(showing: nil, version: version)
    pair.handshake()
    #expect(pair.server.error?.kind == .certificate)
    #expect(pair.server.error?.message == "peer did not return a certificate")
    #expect(!pair.server.session.isEstablished)
    #expect(pair.client.error != nil)
  }

  @Test(arguments: TLSVersion.allCases)
  func aClientOfAnotherAuthorityIsRefused(version: TLSVersion) throws {
    let pair = try mutualPair(showing: certificates.strangeClient, version: version)
    pair.handshake()
    #expect(pair.server.error?.kind == .certificate)
    #expect(!pair.server.session.isEstablished)
    #expect(pair.client.error?.kind == .certificate)
  }

  private func mutualPair(
    showing identity: TestCertificates.Identity?, version: TLSVersion
  ) throws -> TLSPair {
    let options = TLSClientOptions(
      caFile: certificates.authority, certificateFile: identity?.certificate,
      keyFile: identity?.key)
    return try TLSPair(
      client: TLSContext(client: options),
      server: certificates.serverContext(clientCA: certificates.authority, version: version))
  }

  @Test(arguments: [
    "GET / HTTP/1.1\r\nHost: weir.test\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n",
    "SSH-2.0-x\r\n", String(repeating: "\0", count: 64), String(repeating: "\u{7F}", count: 20_000),
  ])
  func whatIsNotTLSIsRefused(text: String) throws {
    for pieces in [Pieces.whole, .bytes] {
      let pair = try TLSPair(
        client: certificates.clientContext(), server: certificates.serverContext())
      for piece in pieces.cut(Array(text.utf8)) { _ = pair.server.take(piece) }
      _ = pair.client.start()
      for piece in pieces.cut(Array(text.utf8)) { _ = pair.client.take(piece) }
      #expect(pair.server.error?.kind == .handshake)
      #expect(pair.client.error?.kind == .handshake)
    }
  }

  @Test func versionsBefore12AreRefused() throws {
    let client = try certificates.clientContext()
    SSL_CTX_set_security_level(client.pointer, 0)
    SSL_CTX_set_cipher_list(client.pointer, "ALL:@SECLEVEL=0")
    weir_ssl_ctx_set_min_version(client.pointer, TLS1_VERSION)
    weir_ssl_ctx_set_max_version(client.pointer, TLS1_1_VERSION)
    let pair = try TLSPair(client: client, server: certificates.serverContext())
    pair.handshake()
    #expect(pair.server.error == TLSError(.handshake, "unsupported protocol"))
  }

  @Test func withoutALPNNothingIsNegotiated() throws {
    let client = try certificates.clientContext()
    SSL_CTX_set_alpn_protos(client.pointer, nil, 0)
    let pair = try TLSPair(client: client, server: certificates.serverContext())
    pair.handshake()
    #expect(pair.isEstablished)
    #expect(pair.server.session.negotiatedApplicationProtocol == nil)
  }

  @Test(arguments: [
    ([2, 0x68, 0x32] as [UInt8], nil as String?),
    ([2, 0x68, 0x32, 8] + Array("http/1.1".utf8), "http/1.1"),
    ([8] + Array("http/1.0".utf8), nil),
  ])
  func aServerSelectsHTTP1IfOffered(offered: [UInt8], selected: String?) throws {
    let client = try certificates.clientContext()
    SSL_CTX_set_alpn_protos(client.pointer, offered, UInt32(offered.count))
    let pair = try TLSPair(client: client, server: certificates.serverContext())
    pair.handshake()
    #expect(pair.isEstablished)
    #expect(pair.client.session.negotiatedApplicationProtocol == selected)
  }

  /// Each byte of either side's first flight is flipped in turn. Whatever OpenSSL makes of it, the
  /// sessions must end refused, waiting, or in full agreement; nothing may trap.
  @Test(arguments: TLSVersion.allCases)
  func aFlippedByteEndsInRefusalOrAgreement(version: TLSVersion) throws {
    let client = try certificates.clientContext()
    let server = try certificates.serverContext(version: version)
    let flight = try TLSPair(client: client, server: server).client.start()
    for index in 0..<flight.count {
      let pair = try TLSPair(client: client, server: server)
      var damaged = pair.client.start()
      damaged[min(index, damaged.count - 1)] ^= 0x41
      pair.carry(toServer: damaged)
      guard pair.isEstablished else { continue }
      pair.sendFromClient([7])
      #expect(pair.server.received == [7], "byte \(index)")
    }
  }
}
