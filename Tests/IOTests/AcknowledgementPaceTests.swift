// When acknowledgements may wait: only where the peer has been seen not to wait for them.

internal import Testing

@testable internal import IO

@Suite struct AcknowledgementPaceTests {
  /// A connection whose reads come as told, and a kernel that answers as told.
  private final class Stage {
    var pace: AcknowledgementPace
    var now = Instant(nanoseconds: 5_000_000_000)
    /// What was done at the socket: `d` delayed, `a` asked, `.` nothing; a letter for each read.
    var steps = ""

    init(_ trials: AcknowledgementTrials) { pace = AcknowledgementPace(trials) }

    func read(_ count: Int, _ bytes: Int = 200, every gap: Duration = .milliseconds(20)) {
      for _ in 0..<count {
        now = now + gap
        switch pace.noteRead(bytes, at: now) {
        case .nothing: steps += "."
        case .delay: steps += "d"
        case .ask: steps += "a"
        }
      }
    }

    func conclude(isDelaying: Bool, segmentBytes: Int = 1448) {
      pace.conclude(isDelaying: isDelaying, segmentBytes: segmentBytes, at: now)
    }
  }

  // Goal: a steady stream is tried after a few reads, and asked about when two more have come: the
  // first whose acknowledgement waited, and the one that the peer sent in spite of that.
  // Method: reads 20 ms apart; then the success shows in the next delay, 64 reads later.
  @Test func steadyStream() {
    let stage = Stage(AcknowledgementTrials())
    stage.read(7)
    #expect(stage.steps == "....d.a")
    stage.conclude(isDelaying: true)
    stage.steps = ""
    stage.read(64)
    #expect(stage.steps == String(repeating: ".", count: 63) + "d")
  }

  // Goal: a stream whose reads are further apart than the kernel's timer allows is left alone.
  // Method: reads 40 ms apart; and short runs of steady ones between pauses.
  @Test func slowStream() {
    let stage = Stage(AcknowledgementTrials())
    stage.read(100, every: .milliseconds(40))
    for _ in 0..<20 {
      stage.read(1, every: .milliseconds(50))
      stage.read(3)
    }
    #expect(!stage.steps.contains("d"))
  }

  // Goal: after a pause, in which the kernel has ended the delay, a proven connection is delayed again
  // without being asked about.
  // Method: a success, a pause, steady reads.
  @Test func afterAPause() {
    let stage = Stage(AcknowledgementTrials())
    stage.read(7)
    stage.conclude(isDelaying: true)
    stage.steps = ""
    stage.read(1, every: .seconds(1))
    stage.read(6)
    #expect(stage.steps == "....d..")
  }

  // Goal: what the kernel acknowledged, or large segments, prove nothing.
  // Method: a kernel that no longer delays; reads of a segment and more.
  @Test(arguments: [(false, 200), (true, 1448), (true, 70_000)])
  func noProof(_ isDelaying: Bool, _ bytes: Int) {
    let stage = Stage(AcknowledgementTrials())
    stage.read(5)
    stage.read(2, bytes)
    stage.conclude(isDelaying: isDelaying)
    stage.steps = ""
    stage.read(20)
    #expect(!stage.steps.contains("d"))
  }

  // Goal: a trial that an answer's end interrupts counts for nothing, and what is proven stays so.
  // Method: rest within a trial, then the next answer; a success, rest, and the next.
  @Test func betweenTwoAnswers() {
    let stage = Stage(AcknowledgementTrials())
    stage.read(6)
    stage.pace.rest()
    stage.steps = ""
    stage.read(1, every: .seconds(1))
    stage.read(6)
    #expect(stage.steps == "....d.a")
    stage.conclude(isDelaying: true)
    stage.pace.rest()
    stage.steps = ""
    stage.read(1, every: .seconds(1))
    stage.read(6)
    #expect(stage.steps == "....d..")
  }

  // Goal: a peer that waits for acknowledgements is held up ever more seldom.
  // Method: an hour of one stream after the other, at which every trial fails: one at once, then after 2,
  // 4, 8 … 1024 s, then each 1024.
  @Test func failuresAreSeldom() {
    let trials = AcknowledgementTrials()
    var failures = 0
    var now = Instant(nanoseconds: 5_000_000_000)
    for _ in 0..<3600 {
      let stage = Stage(trials)
      stage.now = now
      for _ in 0..<50 {
        stage.read(1)
        if stage.steps.last == "a" { stage.conclude(isDelaying: false) }
      }
      failures += stage.steps.filter { $0 == "a" }.count
      now = stage.now
    }
    #expect(failures == 12)
  }

  // Goal: a connection whose peer may wait is not held up twice, though others at the address succeed.
  // Method: a failure, then another connection's success, then steady reads on the first.
  @Test func oneFailureForAConnection() {
    let trials = AcknowledgementTrials()
    let stage = Stage(trials)
    stage.read(7)
    stage.conclude(isDelaying: false)
    trials.end(succeeded: true, at: stage.now)
    stage.pace.rest()
    stage.steps = ""
    stage.read(200)
    #expect(!stage.steps.contains("d"))
  }

  // Goal: at a peer of which nothing is known, one connection tries and the others wait for it; but
  // not for one that is gone.
  // Method: three connections; the first one's trial goes on, then it ends well.
  @Test func oneTrialAtATime() {
    let trials = AcknowledgementTrials()
    let stages = [Stage(trials), Stage(trials), Stage(trials)]
    for stage in stages { stage.read(5) }
    #expect(stages.map { $0.steps.last } == ["d", ".", "."])
    stages[1].read(8, every: .milliseconds(25))
    #expect(stages[1].steps.contains("d"))
    stages[0].read(2)
    stages[0].conclude(isDelaying: true)
    stages[2].read(4)
    #expect(stages[2].steps.contains("d"))
  }

  // Goal: where a success is known, failures that come together count once.
  // Method: many trials under way, all of which fail; the next one is allowed two seconds later.
  @Test func failuresTogether() {
    let trials = AcknowledgementTrials()
    trials.end(succeeded: true, at: Instant(nanoseconds: 1))
    let stages = (0..<50).map { _ in Stage(trials) }
    for stage in stages { stage.read(7) }
    for stage in stages { stage.conclude(isDelaying: false) }
    let later = stages[0].now + .milliseconds(1900)
    #expect(!trials.begin(at: later))
    #expect(trials.begin(at: later + .milliseconds(200)))
  }
}
