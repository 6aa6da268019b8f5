// Puts the status pages together for the control loop: the looks, the board, the feed.

import Admin
import IO
import Relay
import Telemetry

final class StatusDesk {
  private let board: StatusBoard
  private let survey: Survey
  private let feed: EventFeed
  private let statusPages: StatusPages
  private let registry: LabelRegistry
  private let loop: EventLoop

  /// - Parameter workers: in the order of their numbers.
  init(
    on loop: EventLoop, workers: [Mailbox<WorkerCommand>], _ counted: CountedFigures,
    registry: LabelRegistry, limits: @escaping () -> [LimitState]
  ) {
    let identity = StatusIdentity(
      version: Version.number, commit: Version.commit, loops: workers.count)
    let board = StatusBoard(identity, start: loop.kernel.now())
    let survey = Survey(workers, counted) { lent in
      let figures = StatusFigures(
        counted.sum, registry: registry, pausing: Thread.yieldProcessor)
      board.take(lent, figures, limits: limits(), at: loop.now)
    }
    let feed = EventFeed(on: loop, board: board, look: survey.ask)
    self.loop = loop
    self.registry = registry
    self.board = board
    self.survey = survey
    self.feed = feed
    statusPages = StatusPages(on: loop, board: board, feed: feed, look: survey.ask)
  }

  var pages: [AdminPage] { statusPages.all }

  func receive(_ streams: LoopStreams) { survey.receive(streams) }

  /// A metrics page has been made of `sum`: what it says of the last minutes is kept.
  func note(_ sum: MetricsSnapshot) {
    let figures = StatusFigures(sum, registry: registry, pausing: Thread.yieldProcessor)
    board.note(figures, at: loop.now)
  }

  func tell(_ event: StaticString) {
    if event.description == "draining" { board.isDraining = true }
    feed.tell(
      lifecycle: event.description, atUnixNanoseconds: loop.readWallClock())
  }
}
