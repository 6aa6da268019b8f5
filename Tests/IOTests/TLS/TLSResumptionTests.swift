// Goal: a second connection to an origin skips the certificates, and nothing but that origin under
// those settings profits from it. Method: pairs that share a cache.

import CSystem
import Testing

@testable import IO

@Suite(.enabled(if: TestCertificates.shared != nil, "\(TestCertificates.absence)"))
struct TLSResumptionTests {
  let certificates: TestCertificates

  init() throws { certificates = try TestCertificates.require() }

  /// Runs one connection with a word each way and returns whether it was resumed.
  @discardableResult
  private func connect(
    _ client: TLSContext, _ server: TLSContext, cache: TLSSessionCache, name: String = "weir.test",
    closing: Bool = true
  ) throws -> Bool {
    let pair = try TLSPair(client: client, server: server, name: name, cache: cache)
    pair.handshake()
    pair.sendFromClient([1])
    pair.sendFromServer([2])
    #expect(pair.server.received == [1] && pair.client.received == [2])
    #expect(pair.client.session.wasResumed == pair.server.session.wasResumed)
    if closing { pair.carry(toServer: pair.client.close()) }
    return pair.client.session.wasResumed
  }

  @Test(arguments: TLSVersion.allCases, [true, false])
  func theSecondConnectionResumes(version: TLSVersion, closing: Bool) throws {
    let client = try certificates.clientContext()
    let server = try certificates.serverContext(version: version)
    let cache = TLSSessionCache()
    let resumed = try (0..<5).map { _ in
      try connect(client, server, cache: cache, closing: closing)
    }
    #expect(resumed == [false, true, true, true, true])
  }

  /// A full handshake brings two tickets; each resumed one uses one and brings one.
  @Test func ticketsOfTLS13AreUsedOnce() throws {
    let client = try certificates.clientContext()
    let server = try certificates.serverContext()
    let cache = TLSSessionCache()
    #expect(cache.count == 0)
    try connect(client, server, cache: cache)
    #expect(cache.count == 2)
    let pairs = try (0..<3).map { _ in
      try TLSPair(client: client, server: server, cache: cache)
    }
    #expect(cache.count == 0)
    for pair in pairs { pair.handshake() }
    #expect(pairs.map(\.client.session.wasResumed) == [true, true, false])
  }

  @Test func aSessionOfTLS12Stays() throws {
    let client = try certificates.clientContext()
    let server = try certificates.serverContext(version: .v12)
    let cache = TLSSessionCache()
    try connect(client, server, cache: cache)
    let pairs = try (0..<3).map { _ in
      try TLSPair(client: client, server: server, cache: cache)
    }
    for pair in pairs { pair.handshake() }
    #expect(pairs.map(\.client.session.wasResumed) == [true, true, true])
  }

  @Test func connectionsMadeAtOnceGoOnResuming() throws {
    let client = try certificates.clientContext()
    let server = try certificates.serverContext()
    let cache = TLSSessionCache()
    for round in 0..<4 {
      let pairs = try (0..<16).map { _ in
        try TLSPair(client: client, server: server, cache: cache)
      }
      for pair in pairs { pair.handshake() }
      #expect(pairs.allSatisfy { $0.client.session.wasResumed } == (round > 0))
    }
  }

  @Test func theCacheKeepsTheNewestOnly() throws {
    let client = try certificates.clientContext()
    let server = try certificates.serverContext()
    let cache = TLSSessionCache()
    let pairs = try (0..<40).map { _ in
      try TLSPair(client: client, server: server, cache: cache)
    }
    for pair in pairs { pair.handshake() }
    // Two tickets for each full handshake.
    #expect(cache.count == 64)
  }

  @Test func withoutACacheNothingIsKept() throws {
    let client = try certificates.clientContext()
    let server = try certificates.serverContext()
    for _ in 0..<2 {
      let pair = try TLSPair(client: client, server: server)
      pair.handshake()
      #expect(!pair.client.session.wasResumed)
    }
  }

  /// Otherwise a session that one name's certificate earned would vouch for another's.
  @Test func anotherNameDoesNotResume() throws {
    let client = try certificates.clientContext()
    let server = try certificates.serverContext()
    let cache = TLSSessionCache()
    try connect(client, server, cache: cache)
    #expect(try !connect(client, server, cache: cache, name: "127.0.0.1"))
  }

  /// Settings were read again: what the old authorities vouched for must be shown to the new ones,
  /// even if a connection of the old settings brings a ticket later.
  @Test func anotherContextDoesNotResume() throws {
    let server = try certificates.serverContext()
    let cache = TLSSessionCache()
    let late = try TLSPair(client: certificates.clientContext(), server: server, cache: cache)
    let stranger = try TLSContext(client: TLSClientOptions(caFile: certificates.otherAuthority))
    let early = try TLSPair(client: stranger, server: server, cache: cache)
    late.handshake()
    #expect(late.isEstablished && cache.count == 0)

    early.handshake()
    #expect(early.client.error?.kind == .certificate)
    let pair = try TLSPair(client: stranger, server: server, cache: cache)
    pair.handshake()
    #expect(pair.client.error?.kind == .certificate)
  }

  @Test func aServerThatForgotMakesAFullHandshake() throws {
    let client = try certificates.clientContext()
    let cache = TLSSessionCache()
    try connect(client, certificates.serverContext(), cache: cache)
    #expect(try !connect(client, certificates.serverContext(), cache: cache))
  }

  @Test(arguments: TLSVersion.allCases)
  func clientsWithCertificatesResumeToo(version: TLSVersion) throws {
    let client = try TLSContext(
      client: TLSClientOptions(
        caFile: certificates.authority, certificateFile: certificates.client.certificate,
        keyFile: certificates.client.key))
    let server = try certificates.serverContext(
      clientCA: certificates.authority, version: version)
    let cache = TLSSessionCache()
    #expect(try !connect(client, server, cache: cache))
    #expect(try connect(client, server, cache: cache))
  }
}
