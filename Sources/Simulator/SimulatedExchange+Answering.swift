// The answer's way out: head, events in their time and as fast as the client takes them, and the
// end that the scenario has in store.

internal import Connections
internal import IO
internal import Wire

extension SimulatedExchange {
  /// The most that one stream sends before the loop's others have their turn.
  private static let turnBytes = 64 * 1024
  private static let dribbleGap = Duration.milliseconds(10)

  /// All is decided; `due` is when the request had arrived.
  func begin() {
    guard scenario.headDelay > .zero else { return sendHead() }
    phase = .delayed
    wait(until: due + scenario.headDelay)
  }

  func sendHead() {
    switch scenario.fault {
    case .resetBeforeHead: cut(asReset: true)
    case .closeBeforeHead: cut(asReset: false)
    case .garbageHead:
      provider.buffers.wire.append(contentsOf: "\u{1}\u{2} this is no head\r\n\r\n".utf8)
      flush()
      cut(asReset: false)
    case .dribbleHead:
      dribble(from: 0)
    default:
      provider.buffers.wire.append(contentsOf: head)
      head = []
      headIsOut()
    }
  }

  func dribble(from sent: Int) {
    let bytes = head
    connection.send(bytes.span.extracting(sent...sent))
    guard sent + 1 < bytes.count else {
      head = []
      return headIsOut()
    }
    phase = .dribbling(sent: sent + 1)
    wait(until: provider.loop.now + (scenario.gap > .zero ? scenario.gap : Self.dribbleGap))
  }

  /// The head is in the buffer or sent; a first event that is due now goes in the same write.
  private func headIsOut() {
    guard body != nil else { return finish() }
    let first = due + scenario.ttft
    phase = .streaming
    due = max(first, provider.loop.now)
    guard first > provider.loop.now else { return stream() }
    flush()
    phase = .beforeFirst
    wait(until: first)
  }
}

// MARK: - Events

extension SimulatedExchange {
  /// Sends what is due, as far as the client takes it. Of what it does not take, no more than one
  /// write waits in the queue.
  func stream() {
    var sentBytes = 0
    while !isAtEnd {
      guard connection.queuedBytes == 0 else { return flush() }
      step()
      sentBytes += provider.buffers.wire.count
      if isAtEnd { break }
      flush()
      if scenario.gap > .zero { return awaitNext() }
      if sentBytes >= Self.turnBytes { return yield() }
    }
    finish()
  }

  private var isAtEnd: Bool { body?.isAtEnd ?? true }

  private func step() {
    let kernel = provider.loop.kernel
    body?.step(&provider.buffers, now: { kernel.now().nanoseconds }) { buffers in
      connection.send(buffers.wire.span)
      buffers.wire.removeAll(keepingCapacity: true)
    }
  }

  /// A stream that was held up goes on at its pace and does not catch up.
  private func awaitNext() {
    due = max(due + scenario.gap, provider.loop.now)
    wait(until: due)
  }

  private func yield() {
    // A timer for this very instant would fire before the loop looks at its sockets.
    if connection.queuedBytes == 0 { wait(until: provider.loop.now + .nanoseconds(1)) }
  }

  func clientDrained() {
    switch phase {
    case .tunnel: tunnelDrained()
    case .streaming where connection.queuedBytes == 0 && timer?.isSet != true: stream()
    default: break
    }
  }
}

// MARK: - Ends

extension SimulatedExchange {
  private func finish() {
    // An answer without a body has no inside for a fault to strike.
    switch body == nil ? nil : scenario.fault {
    case .reset:
      flush()
      cut(asReset: true)
    case .close:
      flush()
      cut(asReset: false)
    case .stall:
      flush()
      phase = .stalled
    case .garbageChunk:
      provider.buffers.wire.append(contentsOf: "no size\r\nno chunk\r\n".utf8)
      flush()
      cut(asReset: false)
    default:
      body?.end(into: &provider.buffers.wire)
      flush()
      leave()
      connection.finishResponse(keepsAlive: keepsAlive)
    }
  }

  private func cut(asReset: Bool) {
    leave()
    connection.cut(asReset: asReset, delivering: true)
  }

  /// Sends what has been gathered, in one write.
  private func flush() {
    guard !provider.buffers.wire.isEmpty else { return }
    // Taken out for the time of the call: a span of it would keep the whole provider borrowed.
    var wire: [UInt8] = []
    swap(&wire, &provider.buffers.wire)
    connection.send(wire.span)
    wire.removeAll(keepingCapacity: true)
    swap(&wire, &provider.buffers.wire)
    provider.buffers.shrink()
  }
}
