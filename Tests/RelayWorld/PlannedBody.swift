// A body that a seed draws, as it goes over the wire and as what it means.

package import TestSupport

struct PlannedBody {
  enum Framing { case none, length, chunked, untilClose }

  var framing = Framing.none
  /// Framing included.
  var wire: [UInt8] = []
  var payload: [UInt8] = []

  static let none = PlannedBody()

  /// Letters without a pattern, from a place of the exchange's own: bytes of another exchange, or of
  /// another place, do not pass for the right ones.
  init(_ framing: Framing, count: Int, of exchange: Int, _ random: inout SeededRandom) {
    let letters = Array(Self.letters[(exchange * 1009)...].prefix(count))
    self.init(framing, letters, &random)
  }

  init(_ framing: Framing, _ payload: [UInt8], _ random: inout SeededRandom) {
    self.framing = framing
    self.payload = payload
    wire = framing == .chunked ? Self.chunks(of: payload, &random) : payload
  }

  private static let letters: [UInt8] = {
    var random = SeededRandom(seed: 1)
    return random.bytes(200_000).map { 33 + $0 % 94 }
  }()

  private init() {}

  /// The field that announces it, with its line's end.
  var field: String {
    switch framing {
    case .none, .untilClose: ""
    case .length: "Content-Length: \(payload.count)\r\n"
    case .chunked: "Transfer-Encoding: chunked\r\n"
    }
  }

  /// Chunks of any size, some with extensions; at the end trailers, perhaps.
  private static func chunks(of payload: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
    var wire: [UInt8] = []
    var rest = payload[...]
    while !rest.isEmpty {
      let part = rest.prefix(Int.random(in: 1...max(1, payload.count), using: &random))
      rest = rest.dropFirst(part.count)
      let ending = random.chance(0.2) ? ";x=\"y\"\r\n" : "\r\n"
      wire += Array((String(part.count, radix: 16) + ending).utf8) + part + Array("\r\n".utf8)
    }
    return wire + Array((random.chance(0.2) ? "0\r\nt: 1\r\n\r\n" : "0\r\n\r\n").utf8)
  }
}

extension SeededRandom {
  package mutating func chance(_ probability: Double) -> Bool {
    Double.random(in: 0..<1, using: &self) < probability
  }

  package mutating func milliseconds(upTo most: Int) -> Duration {
    .milliseconds(Int.random(in: 0...most, using: &self))
  }
}
