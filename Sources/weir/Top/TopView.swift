// What the person at the terminal has chosen: order, filter, place. Keys change it, and nothing else.

struct TopView: Equatable {
  enum Effect: Equatable {
    case none
    case redraw
    case quit
  }

  var sort = TopColumn.age
  var isDescending = true
  var filter = ""
  /// Keys go into the filter.
  var isTyping = false
  /// Rows scrolled past.
  var offset = 0
  /// What is shown stands still.
  var isHeld = false

  mutating func press(_ key: TopKey, page: Int) -> Effect {
    if key == .control("c") { return .quit }
    return isTyping ? type(key) : command(key, page)
  }

  private mutating func type(_ key: TopKey) -> Effect {
    switch key {
    case .character(let character): filter.append(character)
    case .backspace: _ = filter.popLast()
    case .enter: isTyping = false
    case .escape:
      filter = ""
      isTyping = false
    default: return .none
    }
    offset = 0
    return .redraw
  }

  private mutating func command(_ key: TopKey, _ page: Int) -> Effect {
    switch key {
    case .character("q"): return .quit
    case .character("/"): isTyping = true
    case .escape: filter = ""
    case .character("r"): isDescending.toggle()
    case .character("p"), .character(" "): isHeld.toggle()
    case .down, .character("j"): offset += 1
    case .up, .character("k"): offset -= 1
    case .pageDown: offset += page
    case .pageUp: offset -= page
    case .home: offset = 0
    case .left, .right: move(key == .right ? 1 : -1)
    case .character(let letter):
      guard let column = TopColumn.allCases.first(where: { $0.key == letter }) else { return .none }
      order(by: column)
    default: return .none
    }
    offset = max(0, offset)
    return .redraw
  }

  private mutating func move(_ step: Int) {
    let all = TopColumn.allCases
    let place = (all.firstIndex(of: sort) ?? 0) + step
    order(by: all[(place + all.count) % all.count])
  }

  /// The same column twice turns the order around.
  private mutating func order(by column: TopColumn) {
    isDescending = sort == column ? !isDescending : column.isNumber
    sort = column
    offset = 0
  }

  /// The streams that the filter lets through, in order; equals stay oldest first.
  func arranged(_ streams: [TopStream]) -> [TopStream] {
    let wanted = filter.lowercased()
    let kept = streams.filter { stream in
      wanted.isEmpty
        || [stream.model, stream.provider, stream.route, stream.state, stream.id]
          .contains { $0.lowercased().contains(wanted) }
    }
    return kept.sorted { left, right in
      let (first, second) = isDescending ? (right, left) : (left, right)
      if sort.precedes(first, second) { return true }
      return !sort.precedes(second, first) && left.age > right.age
    }
  }
}

enum TopKey: Equatable {
  case character(Character)
  case control(Character)
  case enter, escape, backspace, up, down, left, right, pageUp, pageDown, home

  /// The keys in what a terminal sent at once: letters in UTF-8, and the escape sequences of ECMA-48.
  static func keys(in bytes: [UInt8]) -> [TopKey] {
    var keys: [TopKey] = []
    var rest = String(decoding: bytes, as: UTF8.self)[...]
    while let first = rest.first {
      if let (sequence, key) = sequences.first(where: { rest.hasPrefix($0.0) }) {
        keys.append(key)
        rest = rest.dropFirst(sequence.count)
        continue
      }
      rest = rest.dropFirst()
      if let key = key(first) { keys.append(key) }
      // An unknown sequence is passed over whole; its letters are no keys.
      if first == "\u{1B}", rest.first == "[" {
        rest = rest.dropFirst().drop { $0.isASCII && !$0.isLetter && $0 != "~" }.dropFirst()
        keys.removeLast()
      }
    }
    return keys
  }

  private static func key(_ character: Character) -> TopKey? {
    switch character {
    case "\r", "\n", "\r\n": .enter
    case "\u{1B}": .escape
    case "\u{7F}", "\u{8}": .backspace
    case "\u{3}": .control("c")
    case _ where character.unicodeScalars.allSatisfy({ $0.value < 0x20 }): nil
    default: .character(character)
    }
  }

  private static let sequences: [(String, TopKey)] = [
    ("\u{1B}[A", .up), ("\u{1B}[B", .down), ("\u{1B}[C", .right), ("\u{1B}[D", .left),
    ("\u{1B}OA", .up), ("\u{1B}OB", .down), ("\u{1B}OC", .right), ("\u{1B}OD", .left),
    ("\u{1B}[5~", .pageUp), ("\u{1B}[6~", .pageDown), ("\u{1B}[H", .home), ("\u{1B}[1~", .home),
  ]
}
