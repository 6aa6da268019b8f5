// Figures as people read them: short, with a unit, the same few characters wide.

enum FigureText {
  /// `7.5 ms`, `220 ms`, `1.23 s`, `45.1 s`, `2 min 5 s`; a dash for nothing.
  static func time(milliseconds: Double?) -> String {
    guard let milliseconds else { return "-" }
    switch milliseconds {
    case ..<10: return "\(fixed(milliseconds, 1)) ms"
    case ..<999.5: return "\(fixed(milliseconds, 0)) ms"
    case ..<9995: return "\(fixed(milliseconds / 1000, 2)) s"
    case ..<99_950: return "\(fixed(milliseconds / 1000, 1)) s"
    default: return span(seconds: Int(milliseconds / 1000))
    }
  }

  /// The two largest units: `3 d 4 h`, `2 min 5 s`.
  static func span(seconds: Int) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400)
    if days > 0 { return "\(days) d \(hours % 24) h" }
    if hours > 0 { return "\(hours) h \(minutes % 60) min" }
    if minutes > 0 { return "\(minutes) min \(seconds % 60) s" }
    return "\(seconds) s"
  }

  /// `9.5`, `120`, `12.3 k`.
  static func rate(_ value: Double) -> String {
    switch value {
    case ..<9.95: fixed(value, 1)
    case ..<9999.5: fixed(value, 0)
    case ..<999_950: "\(fixed(value / 1000, 1)) k"
    default: "\(fixed(value / 1_000_000, 1)) M"
    }
  }

  static func bytes(_ count: Double) -> String {
    var (value, unit) = (count, "B")
    for larger in ["kB", "MB", "GB", "TB"] where value >= 999.5 {
      (value, unit) = (value / 1000, larger)
    }
    return "\(fixed(value, unit == "B" || value >= 9.95 ? 0 : 1)) \(unit)"
  }

  /// Rounded to that many decimals; a zero there is left out.
  private static func fixed(_ value: Double, _ decimals: Int) -> String {
    let scale = [1, 10, 100][decimals]
    let units = Int((max(0, min(value, 1e12)) * Double(scale)).rounded())
    let fraction = units % scale
    guard decimals > 0, fraction > 0 else { return "\(units / scale)" }
    var digits = String(fraction)
    while digits.utf8.count < decimals { digits = "0" + digits }
    while digits.hasSuffix("0") { digits.removeLast() }
    return "\(units / scale).\(digits)"
  }
}
