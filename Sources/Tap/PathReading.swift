// What a request's path says of its answer. Most exchanges of a loop have the path of the one before, and
// to compare paths costs a tenth of reading one.

final class PathReading {
  let dialect: Dialect
  let isAzure: Bool
  let isEmbeddings: Bool
  /// There may be a key in it: not to be kept for longer than its request lasts.
  let hasQuery: Bool
  // What it was read from.
  let path: [UInt8]
  private let name: DialectName?
  private let isLines: Bool
  private let isSwitching: Bool

  init(_ request: borrowing TapRequest) {
    path = request.path
    name = request.dialect
    isLines = request.isLines
    isSwitching = request.isSwitching
    let path = RequestPath(request.path)
    dialect =
      name.map { DialectCatalogue.named($0, path: path) }
      ?? DialectCatalogue.named(byPath: path, isLines: isLines)
      ?? (isSwitching ? .openAIRealtime : .plain)
    isAzure = name == .azureOpenAI || path.marks.contains(.azure)
    isEmbeddings = path.ends(with: "/embeddings")
    hasQuery = self.path.contains(UInt8(ascii: "?"))
  }

  /// Whether it says the same of another request. In line, because a call would count it.
  @inline(__always)
  func holds(for request: borrowing TapRequest) -> Bool {
    name == request.dialect && isLines == request.isLines && isSwitching == request.isSwitching
      && path.equals(request.path.span)
  }
}

extension TapRequest {
  fileprivate var isLines: Bool { if case .lines = framing { true } else { false } }
  fileprivate var isSwitching: Bool { status == 101 }
}
