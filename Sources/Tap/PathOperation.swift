// What a request asks for, as far as its path tells: for exchanges that never had an answer.

extension Operation {
  /// The operation of the dialect that the path belongs to; `other` for a path of none.
  package init(path: [UInt8]) {
    self = DialectCatalogue.named(byPath: RequestPath(path), isLines: false)?.operation ?? .other
  }
}
