// The relay loops as the control loop sees them: who has started, who has answered, who is done. It only
// keeps account; what follows from that is the control loop's to say.

import IO

struct WorkerSet {
  private var threads: [Thread] = []
  /// Of loops that have started, by number.
  private var mailboxes: [Int: Mailbox<WorkerCommand>] = [:]
  /// Loops that have not yet said that they turn.
  private var silentCount = 0
  /// Loops whose idle connections the successor has had, or refused.
  private var surrenderedCount = 0
  private var drainedCount = 0

  /// Starts a loop for each share of listeners.
  mutating func start(
    _ shares: [[WorkerListener]], _ options: WorkerOptions, in surroundings: WorkerSurroundings
  ) throws(SystemError) {
    for (number, listeners) in shares.enumerated() {
      threads.append(
        try Worker.start(
          number, listeners: listeners, options: options, in: surroundings))
    }
  }

  /// How many have started.
  var count: Int { mailboxes.count }
  var haveAllStarted: Bool { mailboxes.count == threads.count }
  /// In the order of their numbers, once all have started.
  var inOrder: [Mailbox<WorkerCommand>] { (0..<count).compactMap { mailboxes[$0] } }

  subscript(_ number: Int) -> Mailbox<WorkerCommand>? { mailboxes[number] }

  /// To each of them these commands, one after the other.
  func send(_ commands: WorkerCommand...) {
    for mailbox in mailboxes.values {
      for command in commands { mailbox.send(command) }
    }
  }

  /// Waits for their ends, after `stop`.
  func join() { for thread in threads { thread.join() } }
}

// MARK: - What they say

extension WorkerSet {
  mutating func started(_ number: Int, _ mailbox: Mailbox<WorkerCommand>) {
    mailboxes[number] = mailbox
  }

  mutating func askWhetherAllTurn() {
    silentCount = count
    send(.sayThatYouTurn)
  }

  /// One more turns; returns whether it was the last of those asked.
  mutating func noteTurn() -> Bool {
    silentCount -= 1
    return silentCount == 0
  }

  /// One more has given up its idle connections; returns whether it was the last.
  mutating func noteSurrender() -> Bool {
    surrenderedCount += 1
    return surrenderedCount == count
  }

  /// One more has drained; returns whether it was the last.
  mutating func noteDrained() -> Bool {
    drainedCount += 1
    return drainedCount == count
  }
}
