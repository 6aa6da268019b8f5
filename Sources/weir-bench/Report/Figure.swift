// What is measured: each figure's name, unit and direction.

struct Figure: Hashable, Sendable {
  var title: String
  var unit: String
  /// Digits after the point.
  var digits: Int
  var isBetterHigh = false

  static let flatCPU = Figure(title: "CPU per event, flat out", unit: "µs", digits: 3)
  static let flatRate = Figure(
    title: "events per second, flat out", unit: "1/s", digits: 0, isBetterHigh: true)
  static let packetCPU = Figure(title: "CPU per event, 32 in a read", unit: "µs", digits: 3)
  static let packetRate = Figure(
    title: "events per second, 32 in a read", unit: "1/s", digits: 0, isBetterHigh: true)
  static let pacedCPU = Figure(title: "CPU per event, paced", unit: "µs", digits: 2)
  static let medianLatency = Figure(title: "added latency p50, paced", unit: "µs", digits: 1)
  static let tailLatency = Figure(title: "added latency p99, paced", unit: "µs", digits: 1)
  static let wholeTailLatency = Figure(
    title: "added latency p99, paced, stalls included", unit: "µs", digits: 1)
  static let requestRate = Figure(
    title: "short requests, kept-alive", unit: "1/s", digits: 0, isBetterHigh: true)
  static let requestCPU = Figure(title: "CPU per request, kept-alive", unit: "µs", digits: 2)
  static let connectionRate = Figure(
    title: "short requests, new connections", unit: "1/s", digits: 0, isBetterHigh: true)
  static let connectionCPU = Figure(
    title: "CPU per request, new connections", unit: "µs", digits: 2)
  static let resumptionCPU = Figure(
    title: "CPU per request, new TLS connection upstream", unit: "µs", digits: 1)
  static let resumedShare = Figure(
    title: "resumed of these", unit: "%", digits: 1, isBetterHigh: true)
  static let streamMemory = Figure(title: "memory per idle stream", unit: "KiB", digits: 2)
  static let idleMemory = Figure(title: "PSS at idle", unit: "MiB", digits: 2)
  static let startTime = Figure(title: "start to first answer", unit: "ms", digits: 1)

  static let stalledGrowth = Figure(
    title: "growth of RSS for a client that reads nothing", unit: "MiB", digits: 2)
  static let stalledTail = Figure(
    title: "p99 of the others, beside it ÷ before", unit: "×", digits: 2)
  static let loopGain = Figure(
    title: "capacity of two loops ÷ of one", unit: "×", digits: 2, isBetterHigh: true)
  static let loopShare = Figure(title: "the busier loop's part", unit: "%", digits: 1)

  /// Measured whole, and reported less what the same round showed without a proxy.
  static let latencies: Set<Figure> = [.medianLatency, .tailLatency, .wholeTailLatency]

  /// Measured with a TLS provider and no other.
  static let ofTLSAlone: Set<Figure> = [.resumptionCPU, .resumedShare]

  /// In the order of the report.
  static let all: [Figure] = [
    .flatCPU, .flatRate, .packetCPU, .packetRate, .pacedCPU, .medianLatency, .tailLatency,
    .wholeTailLatency,
    .requestRate, .requestCPU,
    .connectionRate, .connectionCPU, .streamMemory, .idleMemory, .startTime, .flatCPU.overTLS,
    .flatRate.overTLS, .packetCPU.overTLS, .packetRate.overTLS, .pacedCPU.overTLS, .resumptionCPU,
    .resumedShare, .streamMemory.overTLS, .stalledGrowth, .stalledTail, .loopGain, .loopShare,
  ]

  /// The same with a provider that speaks TLS.
  var overTLS: Figure {
    var figure = self
    figure.title += ", TLS upstream"
    return figure
  }
}

extension Double {
  /// With so many digits after the point.
  func text(digits: Int) -> String {
    guard isFinite else { return "–" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = Int64((magnitude * scale).rounded())
    let whole = String(scaled / Int64(scale))
    let sign = self < 0 && scaled != 0 ? "-" : ""
    guard digits > 0 else { return sign + whole }
    let fraction = String(scaled % Int64(scale))
    return sign + whole + "." + String(repeating: "0", count: digits - fraction.count) + fraction
  }
}
