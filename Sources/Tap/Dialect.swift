// A provider's stream format as data: which paths hold what, what its events are called, and what
// ends it. The interpreter does the rest.
//
// To add a dialect:
//  1. Give it a name in `DialectName`, and an operation and provider if new.
//  2. Write `Dialects/<Name>.swift`: the paths of its stream and of its plain body, its event
//     names, its terminals, and what its token counts include.
//  3. Enter it in `DialectCatalogue.all`, and in `DialectCatalogue.named(byPath:)` if its request
//     path tells; else give it a `signature`, a path that no other dialect has.
//  4. Add its error codes and finish reasons to `ErrorTable` and `FinishReason`.
//  5. Put a short stream with the facts that must come out into Tests/TapTests/DialectTests.swift.

internal import Wire

/// One provider's format. Shared by all its streams; it holds no state.
package final class Dialect: Sendable {
  /// A path and its meaning.
  struct Path: Sendable {
    let path: String
    let field: UInt8
    let options: JSONPathOptions

    init(_ path: String, _ field: Field) {
      self.path = path
      self.field = field.rawValue
      options = field.options
    }

    init(_ path: String, number: UInt8, options: JSONPathOptions) {
      self.path = path
      field = number
      self.options = options
    }
  }

  /// A path whose value, if it is a text, an object or `true`, ends the stream.
  struct Terminal: Sendable {
    let path: String
    let name: StaticString
    /// The text found there is the finish reason too.
    let isFinishReason: Bool

    init(_ path: String, _ name: StaticString, isFinishReason: Bool = false) {
      self.path = path
      self.name = name
      self.isFinishReason = isFinishReason
    }

    func path(number: UInt8) -> Path {
      Path(path, number: number, options: isFinishReason ? .captured : [])
    }
  }

  struct Options: OptionSet, Sendable {
    let rawValue: UInt8

    /// Only the last event's usage counts; earlier ones report as they go.
    static let usageAtTerminalOnly = Options(rawValue: 1)
    /// Counts only grow; a smaller one is no correction.
    static let usageKeepsMaximum = Options(rawValue: 2)
    /// Finish reasons count only in events whose rule says so: elsewhere it is a status.
    static let finishByRuleOnly = Options(rawValue: 4)
    /// No terminal is defined: the end of the framing completes the stream.
    static let endCompletes = Options(rawValue: 8)
    /// The event's data is text, not JSON.
    static let rawText = Options(rawValue: 16)
    /// An event that ends the stream in failure is a terminal, not a mere error.
    static let terminalBeatsError = Options(rawValue: 32)
  }

  package let name: DialectName
  package let operation: Operation
  /// Set where the dialect alone tells who serves it.
  package let provider: Provider?
  let stream: JSONPathTable
  let body: JSONPathTable
  let rules: [EventRule]
  /// Of the rules' names: one word each, so that a search need not look at the names.
  private let fingerprints: [UInt64]
  let terminals: [Terminal]
  let usage: UsageRule
  let options: Options
  /// A path by which a stream of unknown format shows that it is of this one.
  let signature: String?
  /// The paths of `stream` but its terminals.
  let streamPaths: [Path]
  let bodyPaths: [Path]

  init(
    _ name: DialectName, operation: Operation, provider: Provider? = nil, stream: [Path],
    body: [Path] = [], rules: [EventRule] = [], terminals: [Terminal] = [],
    usage: UsageRule = .inclusive, options: Options = [], signature: String? = nil
  ) {
    self.name = name
    self.operation = operation
    self.provider = provider
    self.rules = rules
    fingerprints = rules.map { EventRule.fingerprint(of: $0.bytes.span) }
    self.terminals = terminals
    self.usage = usage
    self.options = options
    self.signature = signature
    let ends = terminals.enumerated().map { index, terminal in
      terminal.path(number: Field.firstTerminal + UInt8(index))
    }
    streamPaths = stream + Self.streamErrors
    self.stream = JSONPathTable((ends + streamPaths).map(\.entry))
    bodyPaths = body
    self.body = JSONPathTable((body + Self.errors).map(\.entry))
  }

  /// The rule of an event of this type, by its JSON type or its SSE name.
  func rule(named name: Span<UInt8>) -> Int? {
    let wanted = EventRule.fingerprint(of: name)
    for index in fingerprints.indices
    where fingerprints[index] == wanted && rules[index].bytes.equals(name) {
      return index
    }
    return nil
  }
}

extension Dialect.Path {
  var entry: JSONPathTable.Entry {
    JSONPathTable.Entry(path, field: field, options: options)
  }

  /// The same paths under a prefix.
  static func nested(_ prefix: String, _ paths: [Dialect.Path]) -> [Dialect.Path] {
    paths.map { path in
      Dialect.Path(prefix + "." + path.path, number: path.field, options: path.options)
    }
  }
}

extension Dialect {
  /// Where the families of providers put an error inside a stream.
  static let streamErrors: [Path] = [
    Path("error", .error), Path("error.message", .errorMessage), Path("error.type", .errorKind),
    Path("error.status", .errorKind), Path("error.code", .errorCode),
    Path("error_type", .outerKind),
  ]

  /// Where they put it in a plain body, and in llama.cpp's field named `error`.
  static let errors: [Path] =
    streamErrors + [
      Path("message", .outerMessage), Path("detail", .outerMessage),
      Path("detail.message", .outerMessage), Path("detail[].msg", .outerMessage),
      Path("code", .outerCode), Path("type", .outerKind),
      Path("[].error", .error), Path("[].error.message", .errorMessage),
      Path("[].error.status", .errorKind), Path("[].error.code", .errorCode),
    ]

  /// The table for bodies of failed requests: they differ less between dialects than within one.
  static let errorBody = JSONPathTable(errors.map(\.entry))
}
