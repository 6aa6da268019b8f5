// What the events of a stream have told that the later ones are read by.

/// The part of a stream's reading that outlives an event. Its tap keeps it, and lends it to whoever
/// reads an event.
struct StreamMemory: ~Copyable {
  private(set) var dialect: Dialect
  /// What of the dialect is asked for with each piece of an event.
  private(set) var isRawText: Bool
  private(set) var isUnknown: Bool
  /// Once these are known no event needs to have them captured again.
  var knowsModel = false
  var knowsResponseID = false
  /// Tool calls opened so far, a mask of indices for each choice.
  var openedTools: [UInt64] = []
  /// Output items whose arguments came in pieces.
  var itemsWithDeltas: UInt64 = 0
  var choices: UInt64 = 0

  init(_ dialect: Dialect) {
    self.dialect = dialect
    isRawText = dialect.options.contains(.rawText)
    isUnknown = dialect === Dialect.plain
  }

  /// `self = StreamMemory(dialect)`, of the same dialect.
  mutating func renew() {
    (knowsModel, knowsResponseID, itemsWithDeltas, choices) = (false, false, 0, 0)
    if !openedTools.isEmpty { openedTools = [] }
  }

  mutating func use(_ dialect: Dialect) {
    self.dialect = dialect
    isRawText = dialect.options.contains(.rawText)
    isUnknown = dialect === Dialect.plain
  }

  /// The fields that need not be captured again, a bit each.
  var known: UInt64 {
    (knowsModel ? 1 << UInt64(Field.model.rawValue) : 0)
      | (knowsResponseID ? 1 << UInt64(Field.responseID.rawValue) : 0)
  }

  /// Takes over what another reading of the stream knows.
  mutating func know(_ fields: UInt64) {
    knowsModel = fields >> UInt64(Field.model.rawValue) & 1 == 1
    knowsResponseID = fields >> UInt64(Field.responseID.rawValue) & 1 == 1
  }

  mutating func note(choices seen: UInt64, _ facts: inout StreamFacts) {
    choices |= seen
    facts.choices = choices.nonzeroBitCount
  }
}
