// Ties a row of the table to the property that it sets. A section lists its fields once; reading,
// defaults and documentation follow from them.

/// An object of the settings file. A fresh one holds the defaults, and they stand nowhere else.
protocol SettingsSection: Equatable, Sendable {
  init()
  static var fields: [SettingField<Self>] { get }
}

/// One key of a section.
struct SettingField<Owner>: Sendable {
  let key: String
  /// The key's own row, then those of what it holds; paths begin with `key`.
  let rows: [SettingRow]
  /// Sets the property from the node, if there is one, and records what is in force.
  let read: @Sendable (inout Owner, SettingsNode?, String, inout SettingsReading) -> Void
}

typealias Property<Owner, Value> = WritableKeyPath<Owner, Value> & Sendable

extension SettingField where Owner: SettingsSection {
  /// A single value.
  static func value<Value>(
    _ key: String, _ property: any Property<Owner, Value>, _ kind: SettingKind<Value>,
    isRequired: Bool = false, flag: SettingFlag? = nil, reload: SettingReload = .applied,
    example: SettingRow.Example = .byDefault, help: String, consequence: String
  ) -> SettingField {
    let row = SettingRow(
      path: [.key(key)], allowed: kind.allowed,
      defaultText: isRequired ? nil : kind.spell(Owner()[keyPath: property]),
      isRequired: isRequired, isSecret: kind.isSecret, flag: flag, reload: reload, help: help,
      consequence: consequence, example: example)
    return SettingField(key: key, rows: [row]) { owner, node, path, reading in
      if let node {
        guard let value = reading.value(node, kind, path) else { return }
        owner[keyPath: property] = value
        guard let text = reading.text(value, kind, node) else { return }
        reading.record(path, text: text, origin: node.origin)
      } else if isRequired {
        reading.refuse(path, "this setting is missing; allowed: \(kind.allowed)")
      } else if let text = kind.spell(owner[keyPath: property]) {
        reading.record(path, text: text, origin: .builtIn)
      }
    }
  }

  /// A list of single values.
  static func values<Value>(
    _ key: String, _ property: any Property<Owner, [Value]>, of kind: SettingKind<Value>,
    reload: SettingReload = .applied, example: SettingRow.Example = .byDefault, help: String,
    consequence: String
  ) -> SettingField {
    let row = SettingRow(
      path: [.key(key)], allowed: "a list, each element \(kind.allowed)", defaultText: "[]",
      reload: reload, help: help, consequence: consequence, example: example)
    return SettingField(key: key, rows: [row]) { owner, node, path, reading in
      var texts: [String] = []
      if let node {
        reading.locate(path, node)
        guard let elements = node.elements else {
          reading.refuse(path, "\(node.kindName) is not a list; allowed: [\(kind.allowed), …]")
          return
        }
        owner[keyPath: property] = []
        for (index, element) in elements.enumerated() {
          guard let value = reading.value(element, kind, "\(path)[\(index)]") else { continue }
          owner[keyPath: property].append(value)
          texts.append(reading.text(value, kind, element) ?? "")
        }
      }
      reading.record(
        path, text: "[\(texts.joined(separator: ", "))]", origin: node?.origin ?? .builtIn)
    }
  }

  /// Single values under keys that the user chose; `keys` says which may be, and `hidesKeys`
  /// whether they may be secret and are masked.
  static func valuesByName<Value>(
    _ key: String, _ property: any Property<Owner, [String: Value]>, keys: SettingKind<String>,
    hidesKeys: @escaping @Sendable (Owner) -> Bool = { _ in false },
    of kind: SettingKind<Value>, example: SettingRow.Example = .byDefault, help: String,
    consequence: String
  ) -> SettingField {
    let row = SettingRow(
      path: [.key(key)],
      allowed: "an object; keys: \(keys.allowed); values: \(kind.allowed)",
      defaultText: "{}", isSecret: kind.isSecret, help: help, consequence: consequence,
      example: example)
    return SettingField(key: key, rows: [row]) { owner, node, path, reading in
      let members = reading.members(of: node, path, keys: keys, areHidden: hidesKeys(owner))
      if members.isEmpty { reading.record(path, text: "{}", origin: node?.origin ?? .builtIn) }
      for (name, path, node) in members {
        guard let value = reading.value(node, kind, path) else { continue }
        owner[keyPath: property][name] = value
        reading.record(path, text: reading.text(value, kind, node) ?? "", origin: node.origin)
      }
    }
  }

  /// An object of its own.
  static func section<Section: SettingsSection>(
    _ key: String, _ property: any Property<Owner, Section>, help: String
  ) -> SettingField {
    let rows = holding(
      Section.self, SettingRow(path: [.key(key)], shape: .object, help: help), step: nil)
    return SettingField(key: key, rows: rows) { owner, node, path, reading in
      reading.section(&owner[keyPath: property], node, path)
    }
  }

  /// An object that may be absent as a whole; its fields have no value then.
  static func optionalSection<Section: SettingsSection>(
    _ key: String, _ property: any Property<Owner, Section?>, help: String
  ) -> SettingField {
    let rows = holding(
      Section.self, SettingRow(path: [.key(key)], shape: .object, help: help), step: nil)
    return SettingField(key: key, rows: rows) { owner, node, path, reading in
      guard let node else { return }
      var section = Section()
      reading.section(&section, node, path)
      owner[keyPath: property] = section
    }
  }

  /// Objects under names that the user chose; flags address the one called `flagged`.
  static func sectionsByName<Section: SettingsSection>(
    _ key: String, _ property: any Property<Owner, [String: Section]>,
    names: SettingKind<String>, example: String, flagged: String? = nil, help: String
  ) -> SettingField {
    let rows = holding(
      Section.self, SettingRow(path: [.key(key)], shape: .objects, help: help),
      step: .name(example: example, flagged: flagged))
    return SettingField(key: key, rows: rows) { owner, node, path, reading in
      for (name, path, node) in reading.members(of: node, path, keys: names) {
        var section = Section()
        reading.section(&section, node, path)
        owner[keyPath: property][name] = section
      }
    }
  }

  /// A list of objects.
  static func sections<Section: SettingsSection>(
    _ key: String, _ property: any Property<Owner, [Section]>, help: String
  ) -> SettingField {
    let rows = holding(
      Section.self, SettingRow(path: [.key(key)], shape: .list(allowsOne: false), help: help),
      step: .index)
    return SettingField(key: key, rows: rows) { owner, node, path, reading in
      guard let node else { return }
      reading.locate(path, node)
      guard let elements = node.elements else {
        reading.refuse(path, "\(node.kindName) is not a list; allowed: [{ … }, …]")
        return
      }
      reading.sections(&owner[keyPath: property], elements, path)
    }
  }

  /// One or several objects, each of which may be written as the one value under `shorthand`.
  /// From a flag or a variable several come with commas between them.
  static func oneOrMore<Section: SettingsSection>(
    _ key: String, _ property: any Property<Owner, [Section]>, shorthand: String,
    flag: SettingFlag, reload: SettingReload, help: String, consequence: String
  ) -> SettingField {
    let row = SettingRow(
      path: [.key(key)], shape: .list(allowsOne: true), flag: flag, reload: reload, help: help,
      consequence: consequence)
    let rows = holding(Section.self, row, step: .index)
    return SettingField(key: key, rows: rows) { owner, node, path, reading in
      guard let node else {
        for index in owner[keyPath: property].indices {
          reading.section(&owner[keyPath: property][index], nil, "\(path)[\(index)]")
        }
        return
      }
      reading.locate(path, node)
      let elements = (node.elements ?? node.splitAtCommas()).map { $0.wrapped(under: shorthand) }
      if elements.isEmpty { reading.refuse(path, "the list is empty") }
      reading.sections(&owner[keyPath: property], elements, path)
    }
  }

  private static func holding<Section: SettingsSection>(
    _ section: Section.Type, _ own: SettingRow, step: SettingStep?
  ) -> [SettingRow] {
    [own]
      + Section.fields.flatMap(\.rows).map { row in
        var row = row
        row.path = own.path + (step.map { [$0] } ?? []) + row.path
        return row
      }
  }
}

extension SettingsReading {
  fileprivate mutating func sections<Section: SettingsSection>(
    _ sections: inout [Section], _ elements: [SettingsNode], _ path: String
  ) {
    sections = []
    for (index, element) in elements.enumerated() {
      var section = Section()
      self.section(&section, element, "\(path)[\(index)]")
      sections.append(section)
    }
  }

  /// The members whose keys are of the kind `keys`; an error for each of the others.
  fileprivate mutating func members(
    of node: SettingsNode?, _ path: String, keys: SettingKind<String>, areHidden: Bool = false
  ) -> [(name: String, path: String, node: SettingsNode)] {
    guard let node else { return [] }
    locate(path, node)
    guard let members = node.members else {
      refuse(path, "\(node.kindName) is not an object; allowed: { … }")
      return []
    }
    return members.compactMap { member in
      let written = areHidden && !member.key.hasPrefix("sha256:") ? "***" : member.key
      let path = Self.path(path, written)
      let key = SettingsNode(
        .scalar(SettingsScalar(.string(member.key), written: written)), origin: member.origin)
      return value(key, keys, path).map { ($0, path, member.value) }
    }
  }
}

extension SettingsNode {
  fileprivate func splitAtCommas() -> [SettingsNode] {
    guard case .scalar(let scalar) = content, case .text(let text) = scalar.value,
      !scalar.isExpanded
    else { return [self] }
    return text.split(separator: ",", omittingEmptySubsequences: false).map {
      SettingsNode(text: String($0), origin: origin)
    }
  }

  fileprivate func wrapped(under key: String) -> SettingsNode {
    guard case .scalar = content else { return self }
    let member = SettingsMember(key: key, origin: origin, value: self)
    return SettingsNode(.object([member]), origin: origin)
  }
}
