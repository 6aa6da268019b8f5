// What stands behind the question mark of a request to weir itself.

internal import Wire

/// The path of a target and its parameters, as raw bytes; percent-encoding is not interpreted.
struct RequestQuery {
  let path: ArraySlice<UInt8>
  private let parameters: [ArraySlice<UInt8>]

  init(_ head: RequestHead) {
    let parts = head.headers.bytes[head.originTarget]
      .split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
    path = parts[0]
    parameters = parts.count > 1 ? parts[1].split(separator: UInt8(ascii: "&")) : []
  }

  /// The value of the first such parameter; empty where it stands without one.
  subscript(name: StaticString) -> ArraySlice<UInt8>? {
    for parameter in parameters {
      let parts = parameter.split(
        separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      if parts[0].elementsEqual(name.description.utf8) { return parts.count > 1 ? parts[1] : [] }
    }
    return nil
  }
}
