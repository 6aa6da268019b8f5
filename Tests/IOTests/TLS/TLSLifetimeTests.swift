// Goal: nothing that OpenSSL made for a session outlives it, however the session ended. Method:
// OpenSSL itself tells of each object that it makes and frees, and the test counts.

import CSystem
import Foundation
import Synchronization
import Testing

@testable import IO

@Suite(.enabled(if: TestCertificates.shared != nil, "\(TestCertificates.absence)"))
struct TLSLifetimeTests {
  let certificates: TestCertificates

  init() throws { certificates = try TestCertificates.require() }

  @Test func everySessionIsFreed() throws {
    let client = try certificates.clientContext()
    let stranger = try TLSContext(client: TLSClientOptions(caFile: certificates.otherAuthority))
    let server = try certificates.serverContext()
    let counts = LiveCounts()
    do {
      let cache = TLSSessionCache()
      for round in 0..<1000 {
        let pair = try TLSPair(
          client: round % 10 == 9 ? stranger : client, server: server,
          cache: round % 10 == 8 ? nil : cache)
        // Sessions end unused, refused, half way, open, and closed properly.
        switch round % 4 {
        case 0: continue
        case 1: _ = pair.server.take(pair.client.start())
        case 2: pair.handshake()
        default:
          pair.handshake()
          if pair.isEstablished { pair.carry(toServer: pair.client.close()) }
        }
      }
      #expect(counts.made(.session) > 500, "the test must have made what it counts")
    }
    #expect(counts.made(.connection) == 2000)
    for kind in LiveCounts.Kind.allCases { #expect(counts.live(kind) == 0, "\(kind)") }
  }

  /// Also if the session never came to be.
  @Test func aRefusedNameLeavesNothing() throws {
    let client = try certificates.clientContext()
    let counts = LiveCounts()
    for _ in 0..<100 {
      // Longer than SNI allows, which OpenSSL finds only after the SSL object was made.
      let name = String(repeating: "a", count: 300)
      let error = #expect(throws: TLSError.self) {
        try TLSSession(client: client, serverName: name, cache: nil, buffers: TLSBuffers())
      }
      #expect(error?.kind == .settings)
    }
    #expect(counts.made(.connection) == 100)
    #expect(counts.live(.connection) == 0)
  }
}

/// Counts OpenSSL's objects that the present thread makes and frees, from now on.
private struct LiveCounts {
  enum Kind: CaseIterable {
    case connection, session, channel, certificate

    var classIndex: Int32 {
      switch self {
      case .connection: CRYPTO_EX_INDEX_SSL
      case .session: CRYPTO_EX_INDEX_SSL_SESSION
      case .channel: CRYPTO_EX_INDEX_BIO
      case .certificate: CRYPTO_EX_INDEX_X509
      }
    }
  }

  fileprivate struct Tally {
    var made = 0
    var freed = 0
  }

  /// Callbacks on any thread read this; what it points to is its own thread's alone.
  fileprivate struct Count {
    /// Tests on other threads have objects of their own.
    let thread = pthread_self()
    let tally: UnsafeMutablePointer<Tally>

    init() {
      tally = .allocate(capacity: 1)
      tally.initialize(to: Tally())
    }
  }

  // Never given back, because a callback on another thread may be using one even while OpenSSL
  // unregisters it; noted here so that the leak checker can tell them from forgotten ones.
  private static let kept = Mutex<[UInt]>([])
  private let counts: [Kind: UnsafeMutablePointer<Count>]

  init() {
    counts = Dictionary(
      uniqueKeysWithValues: Kind.allCases.map { kind in
        let count = UnsafeMutablePointer<Count>.allocate(capacity: 1)
        count.initialize(to: Count())
        Self.kept.withLock { $0.append(UInt(bitPattern: count)) }
        CRYPTO_get_ex_new_index(kind.classIndex, 0, count, noteMade, nil, noteFreed)
        return (kind, count)
      })
  }

  func made(_ kind: Kind) -> Int { counts[kind]?.pointee.tally.pointee.made ?? 0 }

  func live(_ kind: Kind) -> Int {
    made(kind) - (counts[kind]?.pointee.tally.pointee.freed ?? 0)
  }
}

private func noteMade(
  parent: UnsafeMutableRawPointer?, value: UnsafeMutableRawPointer?,
  data: UnsafeMutablePointer<CRYPTO_EX_DATA>?, index: Int32, number: Int,
  count: UnsafeMutableRawPointer?
) {
  note(count) { $0.made += 1 }
}

private func noteFreed(
  parent: UnsafeMutableRawPointer?, value: UnsafeMutableRawPointer?,
  data: UnsafeMutablePointer<CRYPTO_EX_DATA>?, index: Int32, number: Int,
  count: UnsafeMutableRawPointer?
) {
  note(count) { $0.freed += 1 }
}

private func note(
  _ count: UnsafeMutableRawPointer?, _ change: (inout LiveCounts.Tally) -> Void
) {
  guard let count = count?.assumingMemoryBound(to: LiveCounts.Count.self),
    pthread_equal(count.pointee.thread, pthread_self()) != 0
  else { return }
  change(&count.pointee.tally.pointee)
}
