// How many columns of a terminal a text takes. Names come from peers, so what moves the cursor or
// turns the direction of text is taken out here, once, for everything that is printed.

enum DisplayText {
  /// `text` in exactly `width` columns: cut with an ellipsis, or filled up with spaces.
  static func fit(_ text: String, _ width: Int, right: Bool = false) -> String {
    guard width > 0 else { return "" }
    var shown = harmless(text)
    if columns(shown) > width { shown = cut(shown, width - 1) + "…" }
    let fill = String(repeating: " ", count: max(0, width - columns(shown)))
    return right ? fill + shown : shown + fill
  }

  static func columns(_ text: String) -> Int { text.reduce(0) { $0 + columns($1) } }

  /// The first characters that fit, none of them halved.
  private static func cut(_ text: String, _ width: Int) -> String {
    var (kept, used) = ("", 0)
    for character in text {
      used += columns(character)
      if used > width { break }
      kept.append(character)
    }
    return kept
  }

  /// With a dot for each control and for what is invisible or turns text around.
  static func harmless(_ text: String) -> String {
    var shown = ""
    for scalar in text.unicodeScalars {
      shown.unicodeScalars.append(isHarmful(scalar) ? "·" : scalar)
    }
    return shown
  }

  private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
    // The joiner is part of emoji; the others of its kind hide text or reorder it.
    case .format: scalar.value != 0x200D
    default: false
    }
  }

  /// A character takes the columns of its widest scalar; combining ones take none of their own.
  private static func columns(_ character: Character) -> Int {
    let widest = character.unicodeScalars.map(columns).max() ?? 0
    // A variation selector asks for the picture, which is wide.
    return character.unicodeScalars.contains { $0.value == 0xFE0F } ? 2 : widest
  }

  private static func columns(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    if scalar.value < 0x1100 { return 1 }
    return wide.contains { $0.contains(scalar.value) } ? 2 : 1
  }

  /// Wide and full-width blocks of Unicode's East Asian Width (UAX #11), and pictures.
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x231A...0x231B, 0x23E9...0x23EC, 0x25FD...0x25FE, 0x2614...0x2615,
    0x2648...0x2653, 0x26A1...0x26A1, 0x2705...0x2705, 0x2728...0x2728, 0x274C...0x274C,
    0x2753...0x2757, 0x2795...0x2797, 0x2B1B...0x2B1C, 0x2B50...0x2B50, 0x2E80...0x303E,
    0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF, 0xA960...0xA97C,
    0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6,
    0x1F004...0x1F004, 0x1F0CF...0x1F0CF, 0x1F18E...0x1F18E, 0x1F191...0x1F19A,
    0x1F200...0x1F265, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F7E0...0x1F7EB,
    0x1F900...0x1F9FF, 0x1FA70...0x1FAFF, 0x20000...0x3FFFD,
  ]
}
