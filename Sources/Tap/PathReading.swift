// What a request's path says of its answer. Most exchanges of a loop have the path of the one before, and
// to compare paths costs a tenth of reading one.

final class PathReading {
  let dialect: Dialect
  let isAzure: Bool
  let isEmbeddings: Bool
  // What it was read from.
  private let path: [UInt8]
  private let name: DialectName?
  private let isLines: Bool
  private let isSwitching: Bool

  /// - Parameter name: the format, where the settings name it.
  init(_ target: [UInt8], _ name: DialectName?, isLines: Bool, isSwitching: Bool) {
    let path = RequestPath(target)
    dialect =
      name.map { DialectCatalogue.named($0, path: path) }
      ?? DialectCatalogue.named(byPath: path, isLines: isLines)
      ?? (isSwitching ? .openAIRealtime : .plain)
    isAzure = name == .azureOpenAI || path.marks.contains(.azure)
    isEmbeddings = path.ends(with: "/embeddings")
    self.path = target
    self.name = name
    self.isLines = isLines
    self.isSwitching = isSwitching
  }

  /// Whether it says the same of another request.
  func holds(
    for target: borrowing [UInt8], _ name: DialectName?, isLines: Bool, isSwitching: Bool
  ) -> Bool {
    self.name == name && self.isLines == isLines && self.isSwitching == isSwitching
      && path.equals(target.span)
  }
}
