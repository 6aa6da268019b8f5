// Reads a tree of nodes into `Settings`: collects every mistake, and what value each setting got
// and from where.

/// A value in force, as it may be shown: secrets are masked.
struct EffectiveSetting: Equatable, Sendable {
  let path: String
  /// As a file would spell it.
  let text: String
  let origin: SettingsOrigin
}

/// The state of one reading.
struct SettingsReading {
  private let readFile: (String) throws -> [UInt8]
  private(set) var errors: [SettingsError] = []
  private(set) var effective: [EffectiveSetting] = []
  /// Where each setting and each object was written, by path.
  private var origins: [String: SettingsOrigin] = [:]

  init(readFile: @escaping (String) throws -> [UInt8]) {
    self.readFile = readFile
  }

  /// Where the setting was written, or else what holds it.
  func origin(of path: String) -> SettingsOrigin {
    var path = path[...]
    while true {
      if let origin = origins[String(path)] { return origin }
      guard let end = path.lastIndex(where: { $0 == "." || $0 == "[" }) else {
        return origins[""] ?? .builtIn
      }
      path = path[..<end]
    }
  }

  mutating func refuse(_ path: String, _ message: String, at origin: SettingsOrigin? = nil) {
    errors.append(
      SettingsError(origin: origin ?? self.origin(of: path), setting: path, message: message))
  }

  /// Takes back what was refused after the first `count` mistakes and only follows from them: a
  /// value that could not be read looks like a missing one to whoever compares it with others.
  mutating func dropConsequences(ofFirst count: Int) {
    let causes = errors[..<count].compactMap(\.setting)
    let others = errors[count...].filter { error in
      let path = error.setting ?? ""
      return !causes.contains { Self.isWithin($0, path) || Self.isWithin(path, $0) }
    }
    errors = errors[..<count] + others
  }

  private static func isWithin(_ path: String, _ outer: String) -> Bool {
    path == outer || path.hasPrefix(outer + ".") || path.hasPrefix(outer + "[")
  }

  /// Remembers where a list or an object was written.
  mutating func locate(_ path: String, _ node: SettingsNode) {
    origins[path] = node.origin
  }

  // MARK: Values

  mutating func record(_ path: String, text: String, origin: SettingsOrigin) {
    effective.append(EffectiveSetting(path: path, text: text, origin: origin))
    origins[path] = origin
  }

  /// The value of a node; nil, with an error, if it is not of its kind.
  mutating func value<Value>(
    _ node: SettingsNode, _ kind: SettingKind<Value>, _ path: String
  ) -> Value? {
    locate(path, node)
    guard case .scalar(let written) = node.content else {
      refuse(path, "\(node.kindName) is not \(kind.name); allowed: \(kind.allowed)")
      return nil
    }
    if let problem = written.problem {
      refuse(path, problem)
      return nil
    }
    guard let scalar = kind.isSecret ? fileContent(written, path) : written else { return nil }
    do {
      let value = try kind.parse(scalar)
      checkFile(kind, scalar, path)
      return value
    } catch {
      let subject = kind.isSecret || error.hidesValue ? "its value" : shown(scalar)
      refuse(path, "\(subject) \(error.reason ?? "is not \(kind.name)"); allowed: \(kind.allowed)")
      return nil
    }
  }

  /// The text of a value in force: the user's own spelling where it refers to a variable, which
  /// may be secret wherever it stands.
  func text<Value>(_ value: Value, _ kind: SettingKind<Value>, _ node: SettingsNode) -> String? {
    if case .scalar(let scalar) = node.content, scalar.isExpanded && !kind.isSecret {
      return shown(scalar)
    }
    return kind.spell(value)
  }

  private func shown(_ scalar: SettingsScalar) -> String {
    switch scalar.value {
    case .string, .text: quoted(scalar.written)
    case .boolean, .number: scalar.written
    }
  }

  // MARK: Files that settings name

  /// What `file:PATH` stands for, without the line break that ends most files.
  private mutating func fileContent(_ scalar: SettingsScalar, _ path: String) -> SettingsScalar? {
    guard let text = scalar.string, text.hasPrefix("file:") else { return scalar }
    do {
      var bytes = try readFile(String(text.dropFirst(5)))
      while bytes.last == UInt8(ascii: "\n") || bytes.last == UInt8(ascii: "\r") {
        bytes.removeLast()
      }
      guard let content = String(validating: bytes, as: UTF8.self) else {
        refuse(path, "the file \(shown(scalar)) is not UTF-8 text")
        return nil
      }
      return SettingsScalar(.string(content), written: scalar.written, isExpanded: true)
    } catch {
      refuse(path, "the file \(shown(scalar)) cannot be read: \(error)")
      return nil
    }
  }

  private mutating func checkFile<Value>(
    _ kind: SettingKind<Value>, _ scalar: SettingsScalar, _ path: String
  ) {
    guard let file = kind.file, let text = scalar.string else { return }
    let name = text.hasPrefix("file:") ? String(text.dropFirst(5)) : text
    do {
      let content = String(decoding: try readFile(name), as: UTF8.self)
      let (mark, what) =
        switch file {
        case .certificates: ("-----BEGIN CERTIFICATE-----", "certificate")
        case .privateKey: ("PRIVATE KEY-----", "private key")
        }
      if !content.contains(mark) {
        refuse(path, "the file \(shown(scalar)) holds no PEM \(what)")
      }
    } catch {
      refuse(path, "the file \(shown(scalar)) cannot be read: \(error)")
    }
  }

  // MARK: Objects

  /// Reads an object, or its defaults if there is none, field by field.
  mutating func section<Section: SettingsSection>(
    _ section: inout Section, _ node: SettingsNode?, _ path: String
  ) {
    if let node {
      locate(path, node)
      guard let members = node.members else {
        refuse(path, "\(node.kindName) is not an object; allowed: { … }")
        return
      }
      refuseUnknown(members, among: Section.fields.map(\.key), path)
    }
    for field in Section.fields {
      field.read(&section, node?[field.key], Self.path(path, field.key), &self)
    }
  }

  private mutating func refuseUnknown(
    _ members: [SettingsMember], among keys: [String], _ path: String
  ) {
    for member in members where !keys.contains(member.key) {
      let advice =
        nearestName(to: member.key, among: keys).map { "is \"\($0)\" meant?" }
        ?? "allowed: \(keys.joined(separator: ", "))"
      refuse(
        Self.path(path, member.key), "there is no such setting; \(advice)", at: member.origin)
    }
  }

  /// `path` with one more key, in quotes where it would be misread.
  static func path(_ path: String, _ key: String) -> String {
    let isPlain =
      !key.isEmpty && key.utf8.allSatisfy { $0.isASCIIAlphanumeric || "-_".utf8.contains($0) }
    let step = isPlain ? key : quoted(key)
    return path.isEmpty ? step : "\(path).\(step)"
  }
}
