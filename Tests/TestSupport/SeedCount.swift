// How many seeds a test plays.

internal import Glibc

package enum SeedCount {
  /// As many as `WEIR_SEEDS` asks for; else `usual`, or, where each takes long, as under a sanitizer,
  /// the part of it that `WEIR_SEEDS_DIVISOR` leaves.
  package static func orUsual(_ usual: Int) -> Int {
    if let asked = variable("WEIR_SEEDS") { return asked }
    return max(1, usual / max(1, variable("WEIR_SEEDS_DIVISOR") ?? 1))
  }

  private static func variable(_ name: String) -> Int? {
    getenv(name).flatMap { Int(String(cString: $0)) }
  }
}
