// One loop's part of the hub: the streams that it writes, those that it follows, and its mailbox
// for news of them.

package import Hub
package import IO
internal import Telemetry

/// Confined to its loop. Holds no descriptor until a route's streams are to be kept.
package final class HubDesk {
  package let directory: StreamDirectory
  package let loop: EventLoop
  let metrics: MetricsShard
  private var receiver: MailboxReceiver<HubNotice>?
  /// When an ended stream has been kept long enough; there while any is kept.
  private var timer: LoopTimer?
  private var feeds: [StreamID: StreamFeed] = [:]
  private var recordings: [StreamID: StreamRecording] = [:]
  private var unfinished: [StreamReader] = []

  init(on loop: EventLoop, of directory: StreamDirectory, metrics: MetricsShard) {
    self.loop = loop
    self.directory = directory
    self.metrics = metrics
  }

  package var isOpen: Bool { receiver != nil }
  /// Streams that this loop writes, and streams that it has readers of.
  package var openCount: Int { recordings.count + feeds.count }

  /// Begins to take part; where there are no descriptors left, streams are relayed and not kept.
  func open() {
    guard receiver == nil else { return }
    receiver = try? MailboxReceiver<HubNotice>(on: loop) { [unowned self] in receive($0) }
  }

  deinit { receiver?.close() }

  /// Where other threads send this loop's news. Only while it is open.
  var ear: HubEar {
    guard let receiver else { preconditionFailure("a closed hub was used") }
    return HubEar(receiver.mailbox)
  }

  private func receive(_ notice: HubNotice) {
    switch notice {
    case .news(.grown, let id): feeds[id]?.grew()
    case .news(.stop, let id): recordings[id]?.stop()
    case .news(.released, let id): recordings[id]?.released()
    case .turn:
      let readers = unfinished
      unfinished = []
      for reader in readers { reader.pump() }
    }
  }
}

// MARK: - Following

extension HubDesk {
  /// Follows a stream from event `event` on, 0 for all of it, if it is there and the asker's.
  /// Nothing is brought before the first `pump`. Counts the attempt. `seat`: the reader's place among
  /// readers, if it has one already.
  package func follow(
    _ id: StreamID, as asker: StreamCredential, after event: Int, unit: Subscription.Unit,
    policy: LagPolicy, seat: SubscriberSeat? = nil, for owner: any StreamReaderOwner
  ) throws(FollowRefusal) -> StreamReader {
    switch directory.find(id, by: asker, at: loop.now.nanoseconds) {
    case .forbidden:
      metrics.resumed(.forbidden)
      throw .forbidden
    case .gone(let absence):
      metrics.resumed(Self.results[absence.rawValue] ?? .unknown)
      throw .gone(absence)
    case .found(let log):
      var subscription = Subscription(log, after: event, unit: unit)
      guard subscription.isPossible() else {
        metrics.resumed(.evicted)
        throw .gone(.evicted)
      }
      let seat = if let seat { seat } else { try takeSeat(at: id) }
      metrics.resumed(.resumed)
      let feed = feed(of: log)
      let reader = StreamReader(subscription, in: seat, from: feed, policy: policy, owner: owner)
      feed.join(reader)
      return reader
    }
  }

  private func takeSeat(at stream: StreamID) throws(FollowRefusal) -> SubscriberSeat {
    do throws(SeatRefusal) {
      return try directory.seat(at: stream)
    } catch {
      metrics.resumed(.full)
      throw .full(error)
    }
  }

  private static let results = Dictionary(
    uniqueKeysWithValues: Label.ResumeResult.allCases.map { ($0.rawValue, $0) })

  private func feed(of log: StreamLog) -> StreamFeed {
    if let known = feeds[log.id] { return known }
    let feed = StreamFeed(log, at: self)
    feeds[log.id] = feed
    return feed
  }

  func close(_ feed: StreamFeed) { feeds[feed.log.id] = nil }

  /// Lets `reader` go on after the loop's other work.
  func callAgain(_ reader: StreamReader) {
    unfinished.append(reader)
    if unfinished.count == 1 { receiver?.mailbox.send(.turn) }
  }
}

// MARK: - Writing

extension HubDesk {
  func add(_ recording: StreamRecording) { recordings[recording.id] = recording }

  /// The stream has ended; it is kept for a while.
  func remove(_ recording: StreamRecording) {
    recordings[recording.id] = nil
    sweep()
  }

  /// Stops a stream upstream; returns what is known of it.
  package func stop(_ id: StreamID, as asker: StreamCredential) -> StreamLookup {
    directory.stop(id, by: asker, at: loop.now.nanoseconds)
  }

  private func sweep() {
    guard let next = directory.sweep(at: loop.now.nanoseconds) else {
      timer?.invalidate()
      timer = nil
      return
    }
    let timer = timer ?? LoopTimer(on: loop, owner: self)
    timer.set(Instant(nanoseconds: next))
    self.timer = timer
  }
}

extension HubDesk: TimerOwner {
  package func timerFired(_ timer: LoopTimer) { sweep() }
}

/// What a desk hears.
enum HubNotice: Sendable {
  case news(StreamNews, StreamID)
  /// Readers wait for their next turn.
  case turn
}

/// A desk's mailbox, as logs see it.
final class HubEar: StreamListener {
  private let mailbox: Mailbox<HubNotice>

  init(_ mailbox: Mailbox<HubNotice>) { self.mailbox = mailbox }

  func hear(_ news: StreamNews, of id: StreamID) { mailbox.send(.news(news, id)) }
}
