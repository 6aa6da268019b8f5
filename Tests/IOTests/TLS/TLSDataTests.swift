// Goal: what one side sends the other receives, whole and in order or not at all. Method: sessions in
// memory, with the ciphertext cut, damaged or ended early.

import Testing

@testable import IO

@Suite(.enabled(if: TestCertificates.shared != nil, "\(TestCertificates.absence)"))
struct TLSDataTests {
  let certificates: TestCertificates

  init() throws { certificates = try TestCertificates.require() }

  private func establishedPair(
    _ version: TLSVersion = .v13, pieces: Pieces = .whole
  ) throws -> TLSPair {
    let pair = try TLSPair(
      client: certificates.clientContext(),
      server: certificates.serverContext(version: version), pieces: pieces)
    pair.handshake()
    try #require(pair.isEstablished)
    return pair
  }

  @Test(arguments: TLSVersion.allCases, Pieces.all)
  func dataGoesBothWaysHoweverItIsCut(version: TLSVersion, pieces: Pieces) throws {
    let pair = try establishedPair(version, pieces: pieces)
    var generator = SeededGenerator(state: 1)
    var sent: (client: [UInt8], server: [UInt8]) = ([], [])
    for count in [1, 230, 16_383, 16_384, 16_385, 40_000] {
      let request = generator.bytes(count)
      let response = generator.bytes(count / 2 + 1)
      sent.client += request
      sent.server += response
      pair.sendFromClient(request)
      pair.sendFromServer(response)
    }
    #expect(pair.server.received == sent.client)
    #expect(pair.client.received == sent.server)
  }

  @Test(arguments: TLSVersion.allCases)
  func largeDataNeedsNoMoreThanTheBuffers(version: TLSVersion) throws {
    let pair = try establishedPair(version, pieces: .random(seed: 3))
    var generator = SeededGenerator(state: 2)
    let data = generator.bytes(2_000_000)
    pair.sendFromServer(data)
    #expect(pair.client.received == data)
    #expect(pair.server.error == nil)
  }

  /// A record of each session is half delivered when the other's arrives: if anything of one stayed in
  /// the buffers that they share, the other would read it.
  @Test func sessionsThatShareBuffersDoNotMix() throws {
    let buffers = TLSBuffers()
    let client = try certificates.clientContext()
    let server = try certificates.serverContext()
    let pairs = try (0..<8).map { _ in
      try TLSPair(client: client, server: server, buffers: buffers)
    }
    for pair in pairs { pair.handshake() }
    let records = pairs.enumerated().map { index, pair in
      pair.server.send([UInt8](repeating: UInt8(index), count: 500))
    }
    for half in 0..<2 {
      for (pair, record) in zip(pairs, records) {
        let middle = record.count / 2
        _ = pair.client.take(Array(half == 0 ? record[..<middle] : record[middle...]))
      }
    }
    for (index, pair) in pairs.enumerated() {
      #expect(pair.client.received == [UInt8](repeating: UInt8(index), count: 500))
    }
  }

  @Test func noCiphertextIsNoEvent() throws {
    let pair = try establishedPair()
    #expect(pair.client.take([]).isEmpty)
    #expect(pair.client.send([]).isEmpty)
    #expect(pair.client.error == nil && pair.client.received.isEmpty)
  }

  /// One call's records leave as one run of bytes, so that the loop sends them with one call.
  @Test func aSendLeavesOneRunOfCiphertext() throws {
    let pair = try establishedPair()
    let ciphertext = pair.client.send([UInt8](repeating: 9, count: TLSSession.sendLimitBytes))
    // Four records of 16 KiB, with 5 bytes of header, 16 of tag and 1 of type each.
    #expect(ciphertext.count == TLSSession.sendLimitBytes + 4 * 22)
  }

  @Test(arguments: TLSVersion.allCases, [Pieces.whole, .bytes])
  func closeIsToldAfterTheData(version: TLSVersion, pieces: Pieces) throws {
    let pair = try establishedPair(version, pieces: pieces)
    let data: [UInt8] = Array("the end".utf8)
    let ciphertext = pair.server.send(data) + pair.server.close()
    pair.carry(toClient: ciphertext)
    #expect(pair.client.received == data)
    #expect(pair.client.session.isClosedByPeer)
    #expect(pair.client.error == nil)
    #expect(!pair.server.session.isClosedByPeer)
  }

  @Test func aClosedDirectionLeavesTheOtherOpen() throws {
    let pair = try establishedPair()
    pair.carry(toClient: pair.server.close())
    pair.sendFromClient([4, 5])
    #expect(pair.server.received == [4, 5])
    #expect(pair.client.error == nil)
  }

  @Test func closingTwiceSaysItOnce() throws {
    let pair = try establishedPair()
    #expect(!pair.client.close().isEmpty)
    #expect(pair.client.close().isEmpty)
  }

  @Test func afterClosingNothingIsSent() throws {
    let pair = try establishedPair()
    _ = pair.client.close()
    #expect(pair.client.send([1]).isEmpty)
    #expect(pair.client.error?.kind == .closed)
  }

  @Test func closingBeforeTheHandshakeSaysNothing() throws {
    let pair = try TLSPair(
      client: certificates.clientContext(), server: certificates.serverContext())
    _ = pair.client.start()
    #expect(pair.client.close().isEmpty)
  }

  @Test func receivingAfterCloseSaysClosed() throws {
    let pair = try establishedPair()
    pair.carry(toClient: pair.server.close())
    let room = UnsafeMutableRawBufferPointer.allocate(
      byteCount: 2 * TLSSession.plaintextSlackBytes, alignment: 1)
    defer { room.deallocate() }
    let late = [UInt8](repeating: 1, count: 10)
    let result = try late.withUnsafeBytes { late in
      try pair.client.session.receive(late, into: room)
    }
    #expect(result == .closed)
  }

  /// Cut at every point of its ciphertext, a message arrives in whole records only, and the missing
  /// close_notify shows that there was more.
  @Test func truncationIsSeen() throws {
    let message = [UInt8](repeating: 3, count: 20_000)
    let probe = try establishedPair()
    let length = (probe.server.send(message) + probe.server.close()).count
    for cut in stride(from: 0, to: length, by: 331) {
      let pair = try establishedPair()
      let ciphertext = pair.server.send(message) + pair.server.close()
      _ = pair.client.take(Array(ciphertext[..<cut]))
      #expect(!pair.client.session.isClosedByPeer, "cut at \(cut)")
      #expect(pair.client.received.count == (cut < 16_406 ? 0 : cut < 20_044 ? 16_384 : 20_000))
    }
  }

  @Test(arguments: TLSVersion.allCases)
  func aFlippedBitOfARecordIsNoticed(version: TLSVersion) throws {
    let client = try certificates.clientContext()
    let server = try certificates.serverContext(version: version)
    let probe = try TLSPair(client: client, server: server)
    probe.handshake()
    for index in 0..<probe.server.send([1, 2, 3]).count {
      let pair = try TLSPair(client: client, server: server)
      pair.handshake()
      var record = pair.server.send([1, 2, 3])
      record[index] ^= 0x20
      let answer = pair.client.take(record)
      #expect(pair.client.received.isEmpty, "byte \(index)")
      // A flipped length may leave the client waiting for the rest of a longer record.
      if !(3...4).contains(index) {
        #expect(pair.client.error?.kind == .protocolViolation, "byte \(index)")
        #expect(!answer.isEmpty, "the alert, byte \(index)")
      }
    }
  }

  /// A good record and a bad one in the same read: bytes first, then the error.
  @Test func dataBeforeAFaultIsDelivered() throws {
    let pair = try establishedPair()
    let good = pair.server.send([1, 2, 3])
    var bad = pair.server.send([4, 5, 6])
    bad[bad.count - 1] ^= 1
    #expect(!pair.client.take(good + bad).isEmpty)
    #expect(pair.client.received == [1, 2, 3])
    #expect(pair.client.error == nil)
    #expect(pair.client.session.failure?.kind == .protocolViolation)

    _ = pair.client.take(pair.server.send([7]))
    #expect(pair.client.received == [1, 2, 3])
    #expect(pair.client.error == pair.client.session.failure)
  }

  @Test func releasedBuffersComeBackWhenNeeded() throws {
    let pair = try establishedPair()
    for round in 0..<3 {
      let record = pair.server.send([UInt8(round), 1])
      pair.client.session.releaseBuffers()
      _ = pair.client.take(Array(record[..<10]))
      // Part of a record is held, and must survive.
      pair.client.session.releaseBuffers()
      _ = pair.client.take(Array(record[10...]))
      pair.server.session.releaseBuffers()
    }
    #expect(pair.client.received == [0, 1, 1, 1, 2, 1])
  }

  @Test func aBufferThatMayNotFitIsAMistakeOfOurs() async {
    await #expect(processExitsWith: .failure) {
      let session = try TLSSession(
        client: TLSContext(client: TLSClientOptions()), serverName: "weir.test", cache: nil,
        buffers: TLSBuffers())
      let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 100, alignment: 1)
      _ = try session.receive(UnsafeRawBufferPointer(start: nil, count: 0), into: room)
    }
  }
}
