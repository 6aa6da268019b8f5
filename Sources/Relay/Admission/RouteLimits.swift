// A route's limits, and how a request's keys are found for them.

package import IO
package import Wire

/// The limits that requests of one route must pass, from parent to child.
package struct RouteLimits: Sendable {
  private struct Entry: Sendable {
    var limit: LimitID
    var basis: LimitOptions.Basis
  }

  private let entries: [Entry]
  private let route: LimitKey
  /// Whether the keys cannot be told before the request's model is known.
  package let needModel: Bool

  /// Names that `limits` does not have are left out: the settings have been checked.
  package init(
    _ names: [String], ofRoute route: String, among limits: [LimitOptions], in admission: Admission
  ) {
    entries = names.compactMap { name in
      guard let options = limits.first(where: { $0.name == name }),
        let limit = admission.limit(named: name)
      else { return nil }
      return Entry(limit: limit, basis: options.basis)
    }
    self.route = LimitKey(of: route)
    needModel = entries.contains { $0.basis == .model }
  }

  /// Nothing to ask admission for.
  package var isEmpty: Bool { entries.isEmpty }

  /// What a request has to hold.
  ///
  /// `model` is nil where it could not be found: the key is then that of `unknown`. A header that
  /// is not there counts as an empty one; one that stands there several times counts as its first.
  /// Clients are told apart by address without port; those of a unix socket are one. Costs the
  /// hash of each key: see `LimitKey`.
  package func demand(
    _ head: RequestHead, from client: SocketAddress, model: [UInt8]?
  ) -> AdmissionDemand {
    AdmissionDemand(
      entries.map { entry in
        let key: LimitKey =
          switch entry.basis {
          case .none: .whole
          case .route: route
          case .model: model.map { LimitKey(of: $0.span) } ?? LimitKey(of: "unknown")
          case .client: client.limitKey
          case .header(let name): head.headers.limitKey(of: name)
          }
        return AdmissionDemand.Entry(entry.limit, key)
      })
  }
}

extension SocketAddress {
  /// The address as text, as `weights` and `overrides` spell it: `127.0.0.1`, `::1`, `unix`.
  fileprivate var limitKey: LimitKey {
    LimitKey(of: isUnix ? "unix" : hostText)
  }
}

extension HeaderFields {
  fileprivate func limitKey(of lowercasedName: [UInt8]) -> LimitKey {
    let span = bytes.span
    for field in fields where holds(lowercasedName, field.name) {
      return LimitKey(of: span.extracting(field.value))
    }
    return LimitKey(of: span.extracting(first: 0))
  }

  private func holds(_ lowercasedName: [UInt8], _ name: Range<Int>) -> Bool {
    guard name.count == lowercasedName.count else { return false }
    return zip(bytes[name], lowercasedName).allSatisfy { byte, expected in
      (UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte) == expected
    }
  }
}
