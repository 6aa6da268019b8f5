// What an event's type says about it.

/// A dialect's event type and what it means.
struct EventRule: Sendable {
  struct Traits: OptionSet, Sendable {
    let rawValue: UInt16

    /// It ends the stream.
    static let terminal = Traits(rawValue: 1)
    static let error = Traits(rawValue: 2)
    /// It keeps the connection alive and says nothing.
    static let ping = Traits(rawValue: 4)
    /// The finish reason in it is the stream's.
    static let finish = Traits(rawValue: 8)
    /// It opens a tool call.
    static let toolCall = Traits(rawValue: 16)
    /// It opens a tool call if its item's type is one of `toolItems`.
    static let item = Traits(rawValue: 32)
    /// It repeats a tool call's arguments, which count if no piece of them came before.
    static let finalArguments = Traits(rawValue: 64)
    /// Its data is output by itself (see `Dialect.Options.rawText`).
    static let text = Traits(rawValue: 128)
    /// Its members beside `error` are the error's own.
    static let flatError = Traits(rawValue: 256)
    /// What looks like output in it is a repeat or another's and counts nothing.
    static let noContent = Traits(rawValue: 512)
  }

  /// The name, byte for byte.
  let bytes: [UInt8]
  let traits: Traits
  /// What the `delta` of such an event is.
  let delta: Field?
  /// What this end is called, if not by the event's name.
  let terminalName: StaticString

  init(
    _ name: StaticString, _ traits: Traits = [], delta: Field? = nil,
    terminalName: StaticString? = nil
  ) {
    bytes = name.bytes
    self.traits = traits
    self.delta = delta
    self.terminalName = terminalName ?? name
  }

  /// A word that few names share: the length, and the last bytes, in which names differ most.
  static func fingerprint(of name: Span<UInt8>) -> UInt64 {
    var word = UInt64(name.count)
    for index in max(0, name.count - 12)..<name.count {
      word = word << 5 ^ word >> 59 ^ UInt64(name[index])
    }
    return word
  }

  /// Item and block types that are tool calls.
  private static let toolItems: [StaticString] = [
    "function_call", "custom_tool_call", "mcp_call", "tool_use", "server_tool_use",
    "mcp_tool_use",
  ]

  static func opensTool(_ type: Span<UInt8>) -> Bool {
    for item in toolItems where type.isExactly(item) { return true }
    return false
  }
}
