// Text in the steps that a reader was promised: so many characters at once, so much time between.
// What a character is, people decide: a family of four with its joiners is one, in however many
// events it came.

/// How a subscriber wants its text.
package struct Pace: Equatable, Sendable {
  package enum ChunkSize: Equatable, Sendable {
    case characters(Int)
    /// By the round trip: far readers get more at once, because for them each message is dear.
    case adaptive
  }

  package var chunk: ChunkSize
  /// From one message to the next, in nanoseconds.
  package var delay: UInt64

  package init(chunk: ChunkSize, delay: UInt64) {
    self.chunk = chunk
    self.delay = delay
  }

  /// The most characters of a message. A round trip that nobody has measured yet counts as one
  /// between near and far.
  package func characters(roundTrip nanoseconds: UInt64?) -> Int {
    switch chunk {
    case .characters(let count): count
    case .adaptive:
      switch nanoseconds ?? 50_000_000 {
      case ..<50_000_000: 10
      case ..<200_000_000: 20
      default: 50
      }
    }
  }
}

/// Takes the texts of a stream's events and gives them out again in pieces.
///
/// Holds what was appended and not taken; whoever appends minds `pendingBytes`.
package struct Pacer: Sendable {
  package struct Piece: Equatable, Sendable {
    package var text: String
    /// The last event whose text is out with this piece, counted as the log counts.
    package var sequence: Int
    /// Bytes of the following event's text that are out as well.
    package var offset: Int

    package init(text: String, sequence: Int, offset: Int) {
      (self.text, self.sequence, self.offset) = (text, sequence, offset)
    }
  }

  package enum Step: Equatable, Sendable {
    case piece(Piece)
    /// Nothing before this time.
    case wait(until: UInt64)
    /// Nothing before there is more text, or the end.
    case needMore
  }

  /// A character that is longer is cut, between two scalar values: a letter may carry any number
  /// of marks, and memory is finite.
  package static let longestCharacter = 1024

  private let pace: Pace
  private var pending = ""
  /// Where in the text, from its first byte on, events end.
  private var marks: [(end: Int, sequence: Int)] = []
  private var marksTaken = 0
  /// Bytes appended and taken since the beginning, those that were skipped included.
  private var appended: Int
  private var taken: Int
  private var toSkip: Int
  /// The last event that is out whole, and where it ended.
  private var sequence: Int
  private var sequenceEnd: Int
  private var hasEnded = false
  private var nextTime: UInt64 = 0

  /// - Parameters:
  ///   - sequence: the event after which the subscriber begins.
  ///   - offset: bytes of the next event's text that it has already.
  package init(_ pace: Pace, after sequence: Int, skipping offset: Int) {
    self.pace = pace
    self.sequence = sequence
    toSkip = offset
    (appended, taken, sequenceEnd) = (0, offset, 0)
  }

  package var pendingBytes: Int { pending.utf8.count }

  /// Takes the text of the event `sequence`, which may be none.
  package mutating func append(_ text: String, of sequence: Int) {
    appended += text.utf8.count
    if toSkip == 0 {
      pending += text
    } else {
      let rest = text.utf8.dropFirst(toSkip)
      toSkip -= text.utf8.count - rest.count
      pending += Substring(rest)
    }
    marks.append((appended, sequence))
  }

  /// The stream has ended: what is pending is all there will be.
  package mutating func end() { hasEnded = true }

  /// Whether all is out.
  package var isFinished: Bool { hasEnded && pending.isEmpty }
}

// MARK: - Taking

extension Pacer {
  /// The next piece, if it is time for one.
  package mutating func next(at now: UInt64, roundTrip: UInt64?) -> Step {
    let end = endOfPiece(characters: pace.characters(roundTrip: roundTrip))
    guard end > pending.startIndex else { return .needMore }
    guard now >= nextTime else { return .wait(until: nextTime) }
    nextTime = now &+ pace.delay
    let text = String(pending[..<end])
    pending.removeSubrange(..<end)
    taken += text.utf8.count
    passMarks()
    return .piece(Piece(text: text, sequence: sequence, offset: taken - sequenceEnd))
  }

  /// Where the last character begins is settled only once another one follows: a mark or a joiner
  /// may still come.
  private func endOfPiece(characters: Int) -> String.Index {
    guard
      let end = pending.index(
        pending.startIndex, offsetBy: characters, limitedBy: pending.endIndex),
      end < pending.endIndex
    else { return hasEnded ? pending.endIndex : settledEnd }
    return end
  }

  private var settledEnd: String.Index {
    guard !pending.isEmpty else { return pending.startIndex }
    let last = pending.index(before: pending.endIndex)
    let size = pending.utf8.distance(from: last, to: pending.endIndex)
    return size > Self.longestCharacter ? pending.endIndex : last
  }

  private mutating func passMarks() {
    while marksTaken < marks.count, marks[marksTaken].end <= taken {
      sequence = marks[marksTaken].sequence
      sequenceEnd = marks[marksTaken].end
      marksTaken += 1
    }
    if marksTaken > 64 || marksTaken == marks.count {
      marks.removeFirst(marksTaken)
      marksTaken = 0
    }
  }
}
