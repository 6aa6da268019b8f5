// The kinds of value a setting can have: how each is read, shown, and named in a message. Kinds
// for what the relay speaks of (addresses, URLs, headers) are in SettingKind+Network.swift.

/// Why a value is not what it should be, when "is not a duration" says too little.
struct SettingRefusal: Error {
  /// Goes on from the value, which it does not quote: `is out of range`; nil for the plain answer.
  let reason: String?
  /// Whether the value holds a secret, though its kind should not, and must not be shown.
  let hidesValue: Bool

  init(_ reason: String? = nil, hidesValue: Bool = false) {
    self.reason = reason
    self.hidesValue = hidesValue
  }
}

/// What a file that a setting names must hold; loading reads it, so that a missing or wrong file
/// is known before anything depends on it.
enum NamedFile: Sendable {
  case certificates, privateKey
}

/// One kind of value.
struct SettingKind<Value: Sendable>: Sendable {
  /// With its article, as in "is not a duration".
  let name: String
  /// What may be written, as messages and the reference say it.
  let allowed: String
  /// Whether the value is masked wherever settings are shown, and may be given as `file:PATH`.
  var isSecret = false
  var file: NamedFile?
  let parse: @Sendable (SettingsScalar) throws(SettingRefusal) -> Value
  /// The value as a file would spell it; nil if it stands for "not set".
  let spell: @Sendable (Value) -> String?
}

extension SettingKind {
  /// The same kind where the setting may be absent.
  func optional() -> SettingKind<Value?> {
    let (parse, spell) = (parse, spell)
    return SettingKind<Value?>(
      name: name, allowed: allowed, isSecret: isSecret, file: file,
      parse: { scalar throws(SettingRefusal) in try parse(scalar) },
      spell: { $0.flatMap(spell) })
  }

  /// The same kind with one word for nil, such as `"off"`.
  func or(_ word: String) -> SettingKind<Value?> {
    let (parse, spell) = (parse, spell)
    return SettingKind<Value?>(
      name: name, allowed: "\(allowed), or \"\(word)\"", isSecret: isSecret, file: file,
      parse: { scalar throws(SettingRefusal) in
        scalar.string == word ? nil : try parse(scalar)
      },
      spell: { $0.map { spell($0) ?? "" } ?? quoted(word) })
  }
}

extension SettingKind where Value == Bool {
  static var boolean: Self {
    Self(
      name: "a boolean", allowed: "true or false",
      parse: { scalar throws(SettingRefusal) in
        guard let boolean = scalar.boolean else { throw SettingRefusal() }
        return boolean
      },
      spell: { "\($0)" })
  }
}

extension SettingKind where Value == Int {
  static func integer(_ range: ClosedRange<Int>) -> Self {
    Self(
      name: "a whole number",
      allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)",
      parse: { scalar throws(SettingRefusal) in
        guard let integer = scalar.number?.integer else { throw SettingRefusal() }
        guard range.contains(integer) else { throw SettingRefusal("is out of range") }
        return integer
      },
      spell: { "\($0)" })
  }

  /// A number of bytes, written with its unit.
  static func size(_ range: ClosedRange<Int>) -> Self {
    let (least, most) = (ByteSize.spell(range.lowerBound), ByteSize.spell(range.upperBound))
    return Self(
      name: "a size",
      allowed: "a size from \"\(least)\" to \"\(most)\", in B, KiB, MiB or GiB",
      parse: { scalar throws(SettingRefusal) in
        guard let size = scalar.string.flatMap(ByteSize.parse) else {
          throw SettingRefusal(scalar.number == nil ? nil : "has no unit")
        }
        guard range.contains(size) else { throw SettingRefusal("is out of range") }
        return size
      },
      spell: { quoted(ByteSize.spell($0)) })
  }
}

extension SettingKind where Value == Int? {
  /// Nil for as many as there are processors.
  static var loopCount: Self { countOrAuto("a number of loops", 1...256) }

  /// Nil for as many as the descriptors allow.
  static var connectionCount: Self { countOrAuto("a number of connections", 1...10_000_000) }

  private static func countOrAuto(_ name: String, _ range: ClosedRange<Int>) -> Self {
    Self(
      name: name,
      allowed: "a whole number from \(range.lowerBound) to \(range.upperBound), or \"auto\"",
      parse: { scalar throws(SettingRefusal) in
        if scalar.string == "auto" || scalar.number?.integer == 0 { return nil }
        return try SettingKind<Int>.integer(range).parse(scalar)
      },
      spell: { $0.map { "\($0)" } ?? quoted("auto") })
  }

  static func sizeOrOff(_ range: ClosedRange<Int>) -> Self {
    SettingKind<Int>.size(range).or("off")
  }
}

extension SettingKind where Value == Double {
  /// An amount of money; no unit, the setting says per what.
  static var price: Self {
    Self(
      name: "a price", allowed: "a number of at least 0, in USD per million tokens",
      parse: { scalar throws(SettingRefusal) in
        guard let price = scalar.number?.double else { throw SettingRefusal() }
        guard price >= 0 else { throw SettingRefusal("is below 0") }
        return price
      },
      spell: { "\($0)" })
  }
}

extension SettingKind where Value == Duration {
  static func duration(_ range: ClosedRange<Duration> = .milliseconds(1)...longest) -> Self {
    let (least, most) = (range.lowerBound.spelled, range.upperBound.spelled)
    return Self(
      name: "a duration",
      allowed: "a duration from \"\(least)\" to \"\(most)\", in ms, s, m or h",
      parse: { scalar throws(SettingRefusal) in
        guard let duration = scalar.string.flatMap(Duration.init(spelled:)) else {
          throw SettingRefusal(scalar.number == nil ? nil : "has no unit")
        }
        guard range.contains(duration) else { throw SettingRefusal("is out of range") }
        return duration
      },
      spell: { quoted($0.spelled) })
  }

  /// Thirty days: whoever waits longer means "off".
  static var longest: Duration { .seconds(30 * 24 * 3600) }
}

extension SettingKind where Value == Duration? {
  static var durationOrOff: Self { SettingKind<Duration>.duration().or("off") }
}

extension SettingKind where Value: CaseIterable & RawRepresentable<String> {
  /// One of the enumeration's raw values.
  static var word: Self {
    let words = Value.allCases.map(\.rawValue)
    return Self(
      name: "one of these words", allowed: words.map(quoted).joined(separator: ", "),
      parse: { scalar throws(SettingRefusal) in
        guard let text = scalar.string else { throw SettingRefusal() }
        if let value = Value(rawValue: text) { return value }
        throw SettingRefusal(
          nearestName(to: text, among: words).map { "is unknown (is \"\($0)\" meant?)" })
      },
      spell: { quoted($0.rawValue) })
  }
}

extension SettingKind where Value == String {
  /// A path in the file system; `file:PATH` is the same as `PATH`.
  static func path(_ file: NamedFile? = nil) -> Self {
    let content =
      switch file {
      case .certificates: " with PEM certificates"
      case .privateKey: " with a PEM private key"
      case nil: ""
      }
    return Self(
      name: "a path", allowed: "the path of a file" + content, file: file,
      parse: { scalar throws(SettingRefusal) in
        guard let text = scalar.string else { throw SettingRefusal() }
        let path = text.hasPrefix("file:") ? String(text.dropFirst(5)) : text
        guard !path.isEmpty else { throw SettingRefusal("is empty") }
        guard !path.utf8.contains(0) else { throw SettingRefusal("holds a NUL") }
        return path
      },
      spell: { quoted($0) })
  }

  /// A name that settings refer to and metrics carry as a label.
  static func label(reserved: String? = nil) -> Self {
    Self(
      name: "a name", allowed: "1 to 64 letters, digits, '-', '_' or '.'",
      parse: { scalar throws(SettingRefusal) in
        guard let text = scalar.string else { throw SettingRefusal() }
        let isName = text.utf8.allSatisfy { $0.isASCIIAlphanumeric || "-_.".utf8.contains($0) }
        guard isName, (1...64).contains(text.utf8.count) else { throw SettingRefusal() }
        guard text != reserved else { throw SettingRefusal("is taken: weir uses it itself") }
        return text
      },
      spell: { quoted($0) })
  }
}

/// Sizes as settings write them.
enum ByteSize {
  private static let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)]

  /// `64KiB`; nil if this is no number with a unit, or too large.
  static func parse(_ text: String) -> Int? {
    guard let (unit, bytes) = units.first(where: { text.hasSuffix($0.0) }),
      let count = wholeNumber(text.dropLast(unit.count))
    else { return nil }
    let product = count.multipliedReportingOverflow(by: bytes)
    return product.overflow ? nil : product.partialValue
  }

  /// In the largest unit that leaves a whole number.
  static func spell(_ size: Int) -> String {
    for (unit, bytes) in units where size > 0 && size % bytes == 0 {
      return "\(size / bytes)\(unit)"
    }
    return "0B"
  }
}

extension Duration {
  private static let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)]

  /// `500ms`, `10s`, `5m`, `1h`; nil for anything else.
  init?(spelled text: String) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let unit = text.dropFirst(digits.count)
    guard let (_, factor) = Self.units.first(where: { $0.0 == unit }),
      let count = wholeNumber(digits)
    else { return nil }
    let product = count.multipliedReportingOverflow(by: factor)
    guard !product.overflow else { return nil }
    self = .milliseconds(product.partialValue)
  }

  /// In whole hours, seconds or milliseconds, the largest of them that is exact; minutes are
  /// read but not written, since `600s` beside `60s` compares better than `10m`.
  var spelled: String {
    let (seconds, attoseconds) = components
    let milliseconds = Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
    if milliseconds == 0 { return "0s" }
    if milliseconds % 1000 != 0 { return "\(milliseconds)ms" }
    return milliseconds % 3_600_000 == 0 ? "\(milliseconds / 3_600_000)h" : "\(seconds)s"
  }
}

/// Digits alone; nil for a sign, white space, or nothing.
func wholeNumber(_ digits: Substring) -> Int? {
  guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
  return Int(digits)
}

/// A string as JSON, and so as JSON5, spells it.
func quoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\r": result += "\\r"
    case "\t": result += "\\t"
    case _ where scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value):
      let digits = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
