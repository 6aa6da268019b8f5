// How unkind a fake world is. Calm weather is loopback on an idle machine; every knob that turns
// away from it is something that Linux or a network may do at any time.

package struct Weather: Sendable {
  // The network.
  /// One way, drawn once per connection. Unix sockets have none.
  package var latency: ClosedRange<Duration> = .zero ... .zero
  /// Added to the latency of each segment, drawn from zero to this. Order is kept.
  package var jitter: Duration = .zero
  /// Sent bytes are cut into segments of this many; those that arrive together are read together.
  package var segmentBytes: ClosedRange<Int> = 65_536...65_536
  /// Bytes that are accepted for sending and have not arrived.
  package var sendBufferBytes: ClosedRange<Int> = 65_536...65_536
  /// Bytes that have arrived and have not been read.
  package var receiveBufferBytes: ClosedRange<Int> = 65_536...65_536
  /// The chance of each segment to be held up for `stallTime`, and all after it too.
  package var stalls = 0.0
  package var stallTime: ClosedRange<Duration> = .seconds(1) ... .seconds(30)
  /// The chance of each segment to meet a middlebox that resets both ends.
  package var resets = 0.0
  /// The chance of a connect to a listening address to be refused all the same.
  package var refusedConnects = 0.0

  // The kernel, towards the code under test. Peers that scripts drive are spared.
  /// Receives that bring a part: the rest arrives later, as a segment of its own.
  package var shortReads = 0.0
  /// Receives that bring nothing although readiness was told: all arrives later.
  package var refusedReads = 0.0
  /// Sends that take a part, and those that take nothing, although there is room.
  package var shortWrites = 0.0
  package var refusedWrites = 0.0
  /// How long what a short or refused transfer left takes to become ready again.
  package var catchUp: ClosedRange<Duration> = .microseconds(1) ... .milliseconds(2)
  /// Accepts that fail because the connection is gone already, which it then is.
  package var abortedAccepts = 0.0
  /// The chance that a socket whose acknowledgements are delayed does so no more when it is asked.
  package var missedAcknowledgements = 0.0

  // Polling.
  /// Waits that tell of a connection with no news at all.
  package var spuriousEvents = 0.0
  /// Waits that tell of some of what is ready and keep the others for the next.
  package var splitBatches = 0.0
  package var shufflesEvents = false
  /// The chance of each loop not to run in a round, as if its thread were not scheduled.
  package var skippedTurns = 0.0
  /// What a round of the loops costs on the clock.
  package var roundTime: Duration = .zero

  package init() {}

  /// Nothing is late, short or lost.
  package static let calm = Weather()

  /// All that can happen while nothing goes wrong: every byte arrives, in order, at some time.
  package static let breezy = {
    var weather = Weather()
    weather.latency = .microseconds(10) ... .milliseconds(40)
    weather.jitter = .milliseconds(2)
    weather.segmentBytes = 1...1500
    weather.sendBufferBytes = 512...65_536
    weather.receiveBufferBytes = 512...65_536
    (weather.shortReads, weather.refusedReads) = (0.1, 0.05)
    (weather.shortWrites, weather.refusedWrites) = (0.1, 0.05)
    weather.missedAcknowledgements = 0.3
    weather.spuriousEvents = 0.05
    weather.splitBatches = 0.3
    weather.shufflesEvents = true
    weather.skippedTurns = 0.1
    weather.roundTime = .microseconds(20)
    return weather
  }()

  /// As `breezy`, and connections stall, break and are refused.
  package static let stormy = {
    var weather = Weather.breezy
    weather.stalls = 0.002
    weather.resets = 0.002
    weather.refusedConnects = 0.05
    weather.abortedAccepts = 0.02
    return weather
  }()

  /// Some of what `worst` may do, never more: each seed has its own mixture, so that bugs that one
  /// kind of trouble hides from another come up too.
  package static func drawn(from seed: UInt64, upTo worst: Weather = .stormy) -> Weather {
    var random = Dice(seed: ~seed)
    var weather = Weather.calm
    if random.chance(0.7) { (weather.latency, weather.jitter) = (worst.latency, worst.jitter) }
    if random.chance(0.5) { weather.segmentBytes = worst.segmentBytes }
    if random.chance(0.5) { weather.sendBufferBytes = worst.sendBufferBytes }
    if random.chance(0.5) { weather.receiveBufferBytes = worst.receiveBufferBytes }
    for knob in Self.probabilities where random.chance(0.5) {
      weather[keyPath: knob] = worst[keyPath: knob]
    }
    weather.shufflesEvents = worst.shufflesEvents && random.chance(0.5)
    if random.chance(0.7) { weather.roundTime = worst.roundTime }
    (weather.stallTime, weather.catchUp) = (worst.stallTime, worst.catchUp)
    return weather
  }

  private static var probabilities: [WritableKeyPath<Weather, Double>] {
    [
      \.stalls, \.resets, \.refusedConnects, \.shortReads, \.refusedReads, \.shortWrites,
      \.refusedWrites, \.abortedAccepts, \.missedAcknowledgements, \.spuriousEvents,
      \.splitBatches, \.skippedTurns,
    ]
  }
}

/// What lies between connecting sockets and an address, apart from the weather.
package struct NetworkPath: Sendable {
  package enum Reach: Sendable {
    /// Leads to whoever listens there; a refusal if nobody does.
    case open
    /// Answers with a RST, whoever listens.
    case refused
    /// `connect` itself says ENETUNREACH.
    case noRoute
    /// A router answers in its time: EHOSTUNREACH.
    case hostUnreachable
    /// Nobody answers: ETIMEDOUT after Linux's 127 seconds.
    case silent
  }

  package var reach: Reach
  /// How long a connect takes beyond the network's latency.
  package var connectDelay: Duration

  package init(_ reach: Reach = .open, connectDelay: Duration = .zero) {
    self.reach = reach
    self.connectDelay = connectDelay
  }
}
