// Model Context Protocol over streamable HTTP: each event is one JSON-RPC message.

extension Dialect {
  /// https://modelcontextprotocol.io/specification/2025-06-18/basic/transports
  ///
  /// The stream ends when the server has answered; there is no terminal.
  static let mcp = Dialect(
    .mcp, operation: .mcp, provider: .mcp, stream: message, body: message,
    options: .endCompletes, signature: "jsonrpc")

  private static let message: [Path] = [
    Path("result.content[].text", .text), Path("result.content[].data", .media),
  ]
}
