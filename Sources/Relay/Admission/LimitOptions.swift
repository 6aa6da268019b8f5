// A limit as the settings describe it.

/// How many streams may run at once, for all together or for each key.
package struct LimitOptions: Sendable {
  /// What streams are counted by: one count for each value of it.
  package enum Basis: Hashable, Sendable {
    case none, route, model, client
    /// A field's name, in lower case.
    case header([UInt8])
  }

  package var name: String
  package var basis: Basis
  /// For each key. At least 1.
  package var maxStreams: Int
  /// Requests that may wait, for each key; 0 for no queue.
  package var queueMax = 0
  package var queueTimeout = Duration.seconds(10)
  /// Turns in a round, at least 1; keys that are not here have 1.
  package var weights: [LimitKey: Int] = [:]
  /// Keys with a `maxStreams` of their own, at least 1.
  package var overrides: [LimitKey: Int] = [:]

  package init(name: String, by basis: Basis = .none, maxStreams: Int) {
    self.name = name
    self.basis = basis
    self.maxStreams = maxStreams
  }
}

/// A limit's place in one `Admission`. A name keeps its place for good, through every reload.
package struct LimitID: Hashable, Sendable {
  let index: Int32

  var place: Int { Int(index) }
}

/// The counts that one request needs, from parent to child.
package struct AdmissionDemand: Sendable {
  package struct Entry: Equatable, Sendable {
    package var limit: LimitID
    package var key: LimitKey

    package init(_ limit: LimitID, _ key: LimitKey = .whole) {
      self.limit = limit
      self.key = key
    }
  }

  package let entries: [Entry]

  /// No limit may stand in it twice: taken twice, one free place would pass for two.
  package init(_ entries: [Entry]) {
    for (index, entry) in entries.enumerated() {
      precondition(
        !entries[..<index].contains { $0.limit == entry.limit }, "a limit is demanded twice")
    }
    self.entries = entries
  }
}
