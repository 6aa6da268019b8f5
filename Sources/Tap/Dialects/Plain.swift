// Streams of unknown format: every dialect's paths at once, until the stream shows what it is.

internal import Wire

extension Dialect {
  /// Where two dialects disagree about a path the one that is met more often wins; it is for the
  /// first events only, since what they hold tells the dialect.
  static let plain = Dialect(
    .plain, operation: .other,
    stream: signatures + anyTerminal + DialectCatalogue.sniffed.flatMap(\.streamPaths),
    body: DialectCatalogue.sniffed.flatMap(\.bodyPaths),
    rules: DialectCatalogue.sniffed.flatMap(\.rules), options: .endCompletes)

  private static let signatures: [Path] = DialectCatalogue.sniffed.enumerated().compactMap {
    index, dialect in
    dialect.signature.map {
      Path($0, number: Field.firstSignature + UInt8(index), options: [])
    }
  }

  /// The terminals of all sniffed dialects, numbered through.
  static let allTerminals: [Terminal] = DialectCatalogue.sniffed.flatMap(\.terminals)

  private static let anyTerminal: [Path] = allTerminals.enumerated().map { index, terminal in
    terminal.path(number: Field.firstTerminal + UInt8(index))
  }
}
