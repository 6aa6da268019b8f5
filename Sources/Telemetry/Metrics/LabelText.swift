// Labels as the exposition formats write them.

enum LabelText {
  /// `name="value",name="value"`, values escaped; the same rules in both formats.
  static func pairs(_ labels: [(String, String)]) -> [UInt8] {
    var text: [UInt8] = []
    for (name, value) in labels {
      if !text.isEmpty { text.append(UInt8(ascii: ",")) }
      text += name.utf8
      text += Array("=\"".utf8)
      for byte in value.utf8 { text += escaped(byte) }
      text.append(UInt8(ascii: "\""))
    }
    return text
  }

  /// Backslash, quote and line feed are the only bytes that need an escape.
  private static func escaped(_ byte: UInt8) -> [UInt8] {
    switch byte {
    case UInt8(ascii: "\\"): Array(#"\\"#.utf8)
    case UInt8(ascii: "\""): Array(#"\""#.utf8)
    case UInt8(ascii: "\n"): Array(#"\n"#.utf8)
    default: [byte]
    }
  }
}
