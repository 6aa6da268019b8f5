// The columns of the table of streams: what they show, how wide, and by what they sort.

enum TopColumn: CaseIterable {
  case model, state, route, age, firstToken, speed, silence, events, bytes

  var title: String {
    switch self {
    case .model: "MODEL"
    case .state: "STATE"
    case .route: "ROUTE"
    case .age: "AGE"
    case .firstToken: "TTFT"
    case .speed: "SPEED"
    case .silence: "SILENT"
    case .events: "EVENTS"
    case .bytes: "BYTES"
    }
  }

  /// The key that sorts by it.
  var key: Character {
    switch self {
    case .model: "m"
    case .state: "x"
    case .route: "o"
    case .age: "a"
    case .firstToken: "t"
    case .speed: "s"
    case .silence: "g"
    case .events: "e"
    case .bytes: "b"
    }
  }

  var isNumber: Bool {
    switch self {
    case .model, .state, .route: false
    case .age, .firstToken, .speed, .silence, .events, .bytes: true
    }
  }

  /// In characters; the model takes what the others leave.
  var width: Int {
    switch self {
    case .model: 14
    case .state: 12
    case .route: 10
    case .age, .silence: 9
    case .firstToken: 8
    case .speed: 8
    case .events, .bytes: 7
    }
  }

  func text(_ stream: TopStream) -> String {
    switch self {
    case .model: stream.model.isEmpty ? "-" : stream.model
    case .state: stream.state
    case .route: stream.route
    case .age: FigureText.time(milliseconds: stream.age)
    case .firstToken: FigureText.time(milliseconds: stream.firstToken)
    case .speed: stream.speed.map { FigureText.rate($0) + "/s" } ?? "-"
    case .silence: FigureText.time(milliseconds: stream.silence)
    case .events: String(stream.events)
    case .bytes: FigureText.bytes(stream.bytes)
    }
  }

  func precedes(_ left: TopStream, _ right: TopStream) -> Bool {
    switch self {
    case .model: left.model < right.model
    case .state: left.state < right.state
    case .route: left.route < right.route
    case .age: left.age < right.age
    case .firstToken: left.firstToken ?? -1 < right.firstToken ?? -1
    case .speed: left.speed ?? -1 < right.speed ?? -1
    case .silence: left.silence ?? -1 < right.silence ?? -1
    case .events: left.events < right.events
    case .bytes: left.bytes < right.bytes
    }
  }

  /// Those that fit into `width`, the least needed left out first.
  static func fitting(_ width: Int) -> [TopColumn] {
    var columns = allCases
    for least in [TopColumn.bytes, .route, .events, .silence, .age, .state] {
      let needed = columns.reduce(0) { $0 + $1.width + 1 } - 1
      if needed <= width { break }
      columns.removeAll { $0 == least }
    }
    return columns
  }
}
