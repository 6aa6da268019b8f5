// The words of JSON5: strings, numbers and unquoted names. https://spec.json5.org

extension JSON5Cursor {
  // MARK: Strings

  /// A string in single or double quotes; the cursor stands on the opening one.
  mutating func readString() throws(JSON5Error) -> String {
    let start = position
    guard let quote = advance() else { throw failure("a string is missing") }
    var text = String.UnicodeScalarView()
    while let scalar = next {
      if scalar == quote {
        advance()
        return String(text)
      }
      guard scalar != "\n" && scalar != "\r" else { break }
      advance()
      if scalar == "\\" {
        if let escaped = try readEscape() { text.append(escaped) }
      } else {
        text.append(scalar)
      }
    }
    throw failure("this string never ends; close it with \(quote) on the same line", at: start)
  }

  /// What an escape stands for; nil for a line continuation.
  private mutating func readEscape() throws(JSON5Error) -> Unicode.Scalar? {
    let start = position
    guard let scalar = advance() else { throw failure("the file ends inside an escape") }
    switch scalar {
    case "b": return "\u{8}"
    case "f": return "\u{C}"
    case "n": return "\n"
    case "r": return "\r"
    case "t": return "\t"
    case "v": return "\u{B}"
    case "x": return Unicode.Scalar(try readHexadecimal(digits: 2))
    case "u": return try readUnicodeEscape()
    case "\r":
      _ = advance(if: "\n")
      return nil
    case "0" where next?.isDecimalDigit != true: return "\0"
    case "0"..."9": throw failure("octal escapes are not JSON5; write \\xHH", at: start)
    default: return scalar.isJSON5LineEnd ? nil : scalar
    }
  }

  /// The rest of `\uHHHH`; two of them where the first is the half of a surrogate pair.
  private mutating func readUnicodeEscape() throws(JSON5Error) -> Unicode.Scalar {
    let start = position
    let first = try readHexadecimal(digits: 4)
    if let scalar = Unicode.Scalar(first) { return scalar }
    if first < 0xDC00, advance(if: "\\"), advance(if: "u") {
      let second = try readHexadecimal(digits: 4)
      if (0xDC00...0xDFFF).contains(second) {
        let pair = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
        if let scalar = Unicode.Scalar(pair) { return scalar }
      }
    }
    throw failure("this is half of a surrogate pair; write both halves, \\uD83C\\uDF0A", at: start)
  }

  private mutating func readHexadecimal(digits: Int) throws(JSON5Error) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<digits {
      guard let digit = next?.hexadecimalValue else {
        throw failure("\(nextName) is no hexadecimal digit; this escape has \(digits) of them")
      }
      advance()
      value = value << 4 | digit
    }
    return value
  }

  // MARK: Numbers

  /// A number of any spelling that JSON5 knows; the cursor stands on its first character.
  mutating func readNumber() throws(JSON5Error) -> JSON5Number {
    let start = position
    var literal = ""
    if let sign = next, sign == "+" || sign == "-" { take(&literal) }
    if next == "I" || next == "N" {
      literal += try readInfinityOrNaN(at: start)
    } else if next == "0" && (peek(1) == "x" || peek(1) == "X") {
      take(&literal)
      take(&literal)
      guard takeAll(&literal, while: { $0.hexadecimalValue != nil }) > 0 else {
        throw failure("\(nextName) is no hexadecimal digit; write for example 0xFF")
      }
    } else {
      try readDecimal(&literal, at: start)
    }
    if let next, next.isJSON5NamePart || next == "." {
      throw failure(
        "\(nextName) cannot follow a number; values with a unit are strings: \"10s\", \"64KiB\"")
    }
    return JSON5Number(literal: literal)
  }

  private mutating func readDecimal(
    _ literal: inout String, at start: TextPosition
  ) throws(JSON5Error) {
    let startsWithZero = next == "0"
    let whole = takeAll(&literal, while: \.isDecimalDigit)
    if startsWithZero && whole > 1 {
      throw failure("numbers do not begin with 0; octal ones are not JSON5", at: start)
    }
    var fraction = 0
    if next == "." {
      take(&literal)
      fraction = takeAll(&literal, while: \.isDecimalDigit)
    }
    guard whole + fraction > 0 else { throw failure("\(nextName) is no digit of a number") }
    guard next == "e" || next == "E" else { return }
    take(&literal)
    if next == "+" || next == "-" { take(&literal) }
    guard takeAll(&literal, while: \.isDecimalDigit) > 0 else {
      throw failure("\(nextName) is no digit of an exponent")
    }
  }

  private mutating func readInfinityOrNaN(at start: TextPosition) throws(JSON5Error) -> String {
    let word = try readName()
    guard word == "Infinity" || word == "NaN" else {
      throw failure("'\(word)' is no value; strings are written in quotes", at: start)
    }
    return word
  }

  private mutating func take(_ literal: inout String) {
    if let scalar = advance() { literal.unicodeScalars.append(scalar) }
  }

  private mutating func takeAll(
    _ literal: inout String, while belongs: (Unicode.Scalar) -> Bool
  ) -> Int {
    var count = 0
    while let scalar = next, belongs(scalar) {
      take(&literal)
      count += 1
    }
    return count
  }

  // MARK: Names

  /// An ECMAScript identifier name, `\uHHHH` escapes included; empty if none begins here.
  mutating func readName() throws(JSON5Error) -> String {
    var name = String.UnicodeScalarView()
    while let scalar = next {
      let start = position
      var part = scalar
      if scalar == "\\" {
        advance()
        guard advance(if: "u") else { throw failure("only \\uHHHH may escape in a name") }
        part = try readUnicodeEscape()
      }
      guard name.isEmpty ? part.isJSON5NameStart : part.isJSON5NamePart else {
        if scalar == "\\" { throw failure("this escape is no letter of a name", at: start) }
        break
      }
      if scalar != "\\" { advance() }
      name.append(part)
    }
    return String(name)
  }
}
