// Goal: a tail is the proxy's and not that of a machine that stood still. Method: latencies with and without
// a stretch in which everything was late.

import Testing

@testable import weir_bench

@Suite("Latencies")
struct LatenciesTests {
  private static func latencies(_ values: [UInt64]) -> Latencies {
    var latencies = Latencies()
    for value in values { latencies.append(value) }
    return latencies
  }

  @Test("have percentiles, and none gives 0")
  func percentiles() {
    let values = Self.latencies((1...100).reversed())
    #expect(values.percentile(50) == 51 && values.percentile(99) == 100)
    #expect(Latencies().percentile(99) == 0 && Latencies().percentile(99, medianOfParts: 4) == 0)
  }

  @Test("one stretch of lateness is in the whole's tail and not in that of the parts")
  func parts() {
    var values = [UInt64](repeating: 10, count: 1200)
    for index in values.indices where index % 40 == 0 { values[index] = 30 }
    for index in 500..<530 { values[index] = 5_000_000 }
    let latencies = Self.latencies(values)
    #expect(latencies.percentile(99) == 5_000_000)
    #expect(latencies.percentile(99, medianOfParts: 12) == 30)
  }

  @Test("what is late throughout is late in the parts")
  func throughout() {
    var values = [UInt64](repeating: 10, count: 1200)
    for index in values.indices where index % 25 == 0 { values[index] = 700 }
    #expect(Self.latencies(values).percentile(99, medianOfParts: 12) == 700)
  }
}
