// What a duration comes to in nanoseconds, and an instant with it.

import Testing

@testable import IO

@Suite("Durations") struct InstantTests {
  @Test(
    "are whole nanoseconds, whatever their length",
    arguments: [
      (.zero, 0),
      (.nanoseconds(1), 1),
      (Duration(secondsComponent: 0, attosecondsComponent: 999_999_999), 0),
      (Duration(secondsComponent: 0, attosecondsComponent: 1_999_999_999), 1),
      (.seconds(75), 75_000_000_000),
      // Around 2.6 hours, up to which 64 bits are enough to divide.
      (.nanoseconds(9_444_732_965_738), 9_444_732_965_738),
      (.nanoseconds(9_444_732_965_739), 9_444_732_965_739),
      (.nanoseconds(9_444_732_965_740), 9_444_732_965_740),
      (.seconds(3600 * 24 * 365), 31_536_000_000_000_000),
    ] as [(Duration, UInt64)])
  func whole(_ duration: Duration, _ nanoseconds: UInt64) {
    #expect(duration.wholeNanoseconds == nanoseconds)
  }

  @Test("are nothing where they are negative, and as much as fits beyond 584 years")
  func bounds() {
    #expect(Duration.nanoseconds(-1).wholeNanoseconds == 0)
    #expect(Duration.seconds(-86_400).wholeNanoseconds == 0)
    #expect(Duration.seconds(600 * 366 * 86_400).wholeNanoseconds == .max)
  }

  @Test("lead no further than the clock's end")
  func addition() {
    let start = Instant(nanoseconds: 5)
    #expect(start + .seconds(1) == Instant(nanoseconds: 1_000_000_005))
    #expect(start + .seconds(-1) == start)
    #expect(start + .seconds(600 * 366 * 86_400) == .distantFuture)
  }
}
