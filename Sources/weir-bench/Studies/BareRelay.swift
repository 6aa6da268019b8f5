// What the clocks of weir are held against: the least that can stand between a client and a provider and
// know when bytes passed. It copies what it reads, looks at next to nothing, and notes three moments of
// each stream. What it gets wrong, the machine does: two passages through the kernel, and whatever keeps
// a thread from its core.

import Glibc
import IO
import Synchronization

/// What a relay knows of a stream, in nanoseconds.
struct ObservedTimes: Sendable {
  /// From the request's sending to the first event.
  var firstEvent: Double
  /// The longest time between two reads with events.
  var longestGap: Double
}

/// Runs on a thread of its own, on the core of the proxies, at real-time priority.
final class BareRelay: Sendable {
  let address: SocketAddress
  private let times = Mutex<[Int: ObservedTimes]>([:])
  private let isOver = Atomic<Bool>(false)

  init(before provider: SocketAddress) throws(BenchError) {
    do {
      let sockets = try ListeningSockets.open(
        .loopback(port: 0), count: 1, backlog: 4096, kernel: LinuxKernel())
      address = sockets.address
      let descriptor = sockets.descriptors[0]
      _ = try Thread.start("bare-relay") { [self] in run(descriptor, provider) }
    } catch {
      throw BenchError("the bare relay does not start: \(error)")
    }
  }

  /// Of the streams that have ended, by number.
  var observed: [Int: ObservedTimes] { times.withLock { $0 } }

  func stop() { isOver.store(true, ordering: .relaxed) }

  fileprivate func note(_ observed: ObservedTimes, of stream: Int) {
    times.withLock { $0[stream] = observed }
  }

  private func run(_ descriptor: Int32, _ provider: SocketAddress) {
    Thread.pinCurrent(toProcessor: Rig.proxyProcessor)
    _ = ProcessTree.setRealTime(true, of: 0)
    guard let loop = try? EventLoop(kernel: LinuxKernel()) else { return }
    var pairs: [BarePair] = []
    let listener = try? Listener(descriptor, on: loop) { [self] descriptor, _ in
      if let pair = BarePair(descriptor, to: provider, on: loop, for: self) { pairs.append(pair) }
    }
    let waker = Waker(on: loop)
    while !isOver.load(ordering: .relaxed) { loop.turn() }
    waker.timer?.invalidate()
    listener?.close()
    for pair in pairs { pair.close() }
  }
}

/// Has a loop look up from time to time.
private final class Waker: TimerOwner {
  private(set) var timer: LoopTimer?
  private let loop: EventLoop

  init(on loop: EventLoop) {
    self.loop = loop
    timer = LoopTimer(on: loop, owner: self)
    timer?.set(loop.now)
  }

  func timerFired(_ timer: LoopTimer) { timer.set(loop.now + .milliseconds(50)) }
}

/// A client's connection and the one to the provider for it.
private final class BarePair {
  private let loop: EventLoop
  private let relay: BareRelay
  private let client: ByteStream
  private var upstream: ByteStream?
  private var connector: Connector?
  private var sides: [BareSide] = []
  /// What came before there was a connection.
  private var early: [UInt8] = []
  private var stream: Int?
  private var sent = Instant.distantFuture
  private var last: Instant?
  private var observed = ObservedTimes(firstEvent: 0, longestGap: 0)

  init?(_ descriptor: Int32, to provider: SocketAddress, on loop: EventLoop, for relay: BareRelay) {
    try? loop.kernel.set(.noDelay, on: descriptor)
    guard let client = try? ByteStream(accepted: descriptor, on: loop, tls: nil) else { return nil }
    (self.loop, self.relay, self.client) = (loop, relay, client)
    let clientSide = BareSide(of: self) { [unowned self] in up($0) }
    let providerSide = BareSide(of: self) { [unowned self] in down($0) }
    sides = [clientSide, providerSide]
    client.owner = clientSide
    connector = Connector(to: [provider], on: loop) { [unowned self] result in
      connector = nil
      guard case .success(let socket) = result else { return close() }
      let upstream = ByteStream(connected: socket, on: loop, tls: nil)
      upstream.owner = providerSide
      self.upstream = upstream
      send(early)
    }
  }

  func close() {
    connector?.cancel()
    connector = nil
    client.close()
    upstream?.close()
    if last != nil, let stream { relay.note(observed, of: stream) }
    last = nil
    sides = []
  }

  private func up(_ bytes: Span<UInt8>) {
    let copy = bytes.withUnsafeBytes { Array($0) }
    if upstream == nil { early += copy } else { send(copy) }
  }

  private func send(_ bytes: [UInt8]) {
    guard let upstream, !bytes.isEmpty else { return }
    if stream == nil {
      stream = bytes.withUnsafeBytes { Messages.streamNumber(in: $0) }
      sent = loop.kernel.now()
    }
    upstream.write(bytes.span)
  }

  private func down(_ bytes: Span<UInt8>) {
    client.write(bytes)
    if Self.beginsWithEvent(bytes) { note(loop.now) }
  }

  private func note(_ now: Instant) {
    if let last {
      observed.longestGap = max(observed.longestGap, Double(now.nanoseconds(since: last)))
    } else {
      observed.firstEvent = Double(now.nanoseconds(since: sent))
    }
    last = now
  }

  /// The provider writes each event as one chunk, `E6` its size, and the end as one of `E`.
  private static func beginsWithEvent(_ bytes: Span<UInt8>) -> Bool {
    if bytes.count > 1, bytes[0] == UInt8(ascii: "E") { return bytes[1] == UInt8(ascii: "6") }
    // A head, and perhaps an event behind it.
    return bytes.count > EventPattern.chunkBytes
  }
}

/// One of the two connections.
private final class BareSide: ByteStreamOwner {
  private unowned let pair: BarePair
  private let received: (Span<UInt8>) -> Void

  init(of pair: BarePair, received: @escaping (Span<UInt8>) -> Void) {
    self.pair = pair
    self.received = received
  }

  func streamEstablished(_ stream: ByteStream) {}
  func stream(_ stream: ByteStream, received bytes: Span<UInt8>) { received(bytes) }
  func streamEnded(_ stream: ByteStream, cleanly: Bool) { pair.close() }
  func streamPeerClosed(_ stream: ByteStream) {}
  func streamDrained(_ stream: ByteStream) {}
  func streamFailed(_ stream: ByteStream, _ failure: StreamFailure) { pair.close() }
}
