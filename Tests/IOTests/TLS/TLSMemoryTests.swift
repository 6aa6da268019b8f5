// Goal: a connection over which nothing moves holds no record buffer, neither for reading nor for
// writing, whenever the server's tickets came. Method: OpenSSL is given an allocator that counts, in a
// process of its own because that must happen before anything else.

import CSystem
import Glibc
import Testing

@testable import IO

@Suite(.enabled(if: TestCertificates.shared != nil, "\(TestCertificates.absence)"))
struct TLSMemoryTests {
  @Test(arguments: TLSVersion.allCases)
  func idleConnectionsHoldNoRecordBuffers(version: TLSVersion) async {
    // Its body may capture nothing.
    switch version {
    case .v12: await #expect(processExitsWith: .success) { try holdNoRecordBuffers(.v12) }
    case .v13: await #expect(processExitsWith: .success) { try holdNoRecordBuffers(.v13) }
    }
  }
}

/// Traps unless an idle pair of client and server takes less than one of them would with a buffer.
private func holdNoRecordBuffers(_ version: TLSVersion) throws {
  precondition(
    CRYPTO_set_mem_functions(allocate, reallocate, release) == 1, "OpenSSL has allocated already")
  let certificates = try TestCertificates.require()
  let client = try certificates.clientContext()
  let server = try certificates.serverContext(version: version)
  let cache = TLSSessionCache()
  let buffers = TLSBuffers()
  func pair() throws -> TLSPair {
    let pair = try TLSPair(client: client, server: server, cache: cache, buffers: buffers)
    pair.handshake()
    pair.sendFromClient(Array(repeating: 1, count: 300))
    pair.sendFromServer(Array(repeating: 2, count: 300))
    precondition(pair.isEstablished && pair.client.received.count == 300, "the pair works")
    return pair
  }
  // What is made once, and the shelf's sessions, are not counted.
  for _ in 0..<40 { _ = try pair() }
  let before = liveBytes
  let pairs = try (0..<20).map { _ in try pair() }
  let each = (liveBytes - before) / pairs.count
  precondition(each > 8 * 1024, "a pair of \(each) bytes was not counted")
  precondition(each < 36 * 1024, "a pair takes \(each) bytes")
}

// MARK: - An allocator that counts

// One thread, in a process made for this.
nonisolated(unsafe) private var liveBytes = 0
private let header = 16

private func allocate(
  count: Int, file: UnsafePointer<CChar>?, line: Int32
) -> UnsafeMutableRawPointer? {
  reallocate(pointer: nil, count: count, file: file, line: line)
}

private func reallocate(
  pointer: UnsafeMutableRawPointer?, count: Int, file: UnsafePointer<CChar>?, line: Int32
) -> UnsafeMutableRawPointer? {
  let block = pointer.map { $0 - header }
  let old = block?.load(as: Int.self) ?? 0
  guard let grown = realloc(block, count + header) else { return nil }
  grown.storeBytes(of: count, as: Int.self)
  liveBytes += count - old
  return grown + header
}

private func release(
  pointer: UnsafeMutableRawPointer?, file: UnsafePointer<CChar>?, line: Int32
) {
  guard let pointer else { return }
  liveBytes -= (pointer - header).load(as: Int.self)
  free(pointer - header)
}
