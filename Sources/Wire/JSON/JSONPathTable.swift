// The paths a JSON scanner looks for, compiled once into a trie that all streams of one dialect
// share. What the paths mean is the caller's business: here each bears a small number.

/// How the scanner treats the value it finds at a path.
package struct JSONPathOptions: OptionSet, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  /// The first bytes of the string, escapes decoded, or the literal text of the number are kept
  /// until the next match.
  package static let captured = JSONPathOptions(rawValue: 1)
  /// An object or an array is measured: the match tells its length as compact JSON.
  package static let measured = JSONPathOptions(rawValue: 2)
  /// The beginning and the end of the object or array are matches too.
  package static let scoped = JSONPathOptions(rawValue: 4)
  /// With `captured`: the longer of the scanner's two capture limits applies.
  package static let long = JSONPathOptions(rawValue: 8)
  /// A string's bytes are handed out as they come, each piece a match of its own.
  package static let lent = JSONPathOptions(rawValue: 16)
}

/// A set of JSON paths such as `choices[].delta.content`, as a trie.
///
/// Keys are separated by dots, `[]` stands for every element of an array, and the empty path is
/// the document itself. Keys hold neither dots nor brackets; none of the fields we look for does.
/// A path may be both the end of one entry and the prefix of another: the value's type decides.
package final class JSONPathTable: Sendable {
  /// One path to look for, and the number its matches carry. Numbers start at 1.
  package struct Entry: Sendable {
    package let path: String
    package let field: UInt8
    package let options: JSONPathOptions

    package init(_ path: String, field: UInt8, options: JSONPathOptions = []) {
      precondition(field != 0, "field 0 means that nothing is looked for")
      self.path = path
      self.field = field
      self.options = options
    }
  }

  struct Node {
    var hasChildren = false
    var field: UInt8 = 0
    var options: JSONPathOptions = []
    /// Where an array's elements stand.
    var element: UInt16 = 0
    /// Lengths that keys of this object have, a bit each: most keys are told by that alone.
    var keyLengths: UInt64 = 0
  }

  /// An edge compares by its node, and the key's length and first eight bytes; only a longer key
  /// needs its rest.
  struct Edge {
    var word: UInt64 = 0
    var parent: UInt16 = 0
    var child: UInt16 = 0
    var length: UInt8 = 0
    var keyStart: Int = 0
  }

  /// No node: the scanner is where no path leads.
  static let nowhere: UInt16 = 0
  static let root: UInt16 = 1
  /// The deepest path allowed, so that a scanner's stack is a fixed few bytes.
  static let depthLimit = 16

  /// The longest key allowed.
  static let keyLimit = 63

  let nodes: [Node]
  /// A hash table with linear probing, never more than a quarter full; an edge without parent is
  /// an empty place.
  let edges: [Edge]
  let keys: [UInt8]

  /// Where two entries name the same path the first wins, so that a table can be made of several.
  package init(_ entries: [Entry]) {
    var builder = Builder()
    for entry in entries {
      builder.insert(entry)
    }
    (nodes, edges, keys) = builder.flattened()
  }

  /// Where the search for an edge begins; `mask` is the number of places less one.
  @inline(__always)
  static func place(_ parent: UInt16, _ word: UInt64, _ length: Int, mask: Int) -> Int {
    let mixed = (word ^ UInt64(parent) << 48 ^ UInt64(length) << 40) &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: mixed >> 40) & mask
  }
}

extension JSONPathTable {
  /// The trie while it grows: children in arrays of their own, flattened at the end.
  private struct Builder {
    struct Branch {
      var node = Node()
      var children: [(key: [UInt8], child: Int)] = []

      var flattened: Node {
        var node = node
        node.hasChildren = !children.isEmpty || node.element != 0
        for (key, _) in children { node.keyLengths |= 1 << UInt64(key.count) }
        return node
      }
    }

    /// The first branch is `nowhere`, the second the root.
    var branches = [Branch(), Branch()]

    mutating func insert(_ entry: Entry) {
      var at = Int(JSONPathTable.root)
      let steps = JSONPathTable.steps(of: entry.path)
      precondition(steps.count < JSONPathTable.depthLimit, "the path is too deep")
      for step in steps {
        at = step == JSONPathTable.element ? element(of: at) : member(step, of: at)
      }
      guard branches[at].node.field == 0 else { return }
      branches[at].node.field = entry.field
      branches[at].node.options = entry.options
    }

    private mutating func element(of parent: Int) -> Int {
      if branches[parent].node.element == 0 {
        branches[parent].node.element = UInt16(branches.count)
        branches.append(Branch())
      }
      return Int(branches[parent].node.element)
    }

    private mutating func member(_ key: [UInt8], of parent: Int) -> Int {
      if let known = branches[parent].children.first(where: { $0.key == key }) {
        return known.child
      }
      precondition(key.count <= JSONPathTable.keyLimit, "the key is too long")
      branches[parent].children.append((key, branches.count))
      branches.append(Branch())
      return branches.count - 1
    }

    func flattened() -> ([Node], [Edge], [UInt8]) {
      let count = branches.reduce(0) { $0 + $1.children.count }
      var places = 16
      while places < 4 * count { places *= 2 }
      var edges = [Edge](repeating: Edge(), count: places)
      var keys: [UInt8] = []
      for (parent, branch) in branches.enumerated() {
        for (key, child) in branch.children {
          let edge = Edge(
            word: JSONPathTable.firstWord(of: key), parent: UInt16(parent), child: UInt16(child),
            length: UInt8(key.count), keyStart: keys.count)
          keys += key
          place(edge, in: &edges)
        }
      }
      return (branches.map(\.flattened), edges, keys)
    }

    private func place(_ edge: Edge, in edges: inout [Edge]) {
      let mask = edges.count - 1
      var place = JSONPathTable.place(edge.parent, edge.word, Int(edge.length), mask: mask)
      while edges[place].parent != 0 { place = (place + 1) & mask }
      edges[place] = edge
    }
  }

  private static func steps(of path: String) -> [[UInt8]] {
    var steps: [[UInt8]] = []
    for part in path.utf8.split(separator: UInt8(ascii: ".")) {
      let name = part.prefix { $0 != UInt8(ascii: "[") }
      if !name.isEmpty { steps.append(Array(name)) }
      for _ in 0..<(part.count - name.count) / 2 { steps.append(element) }
    }
    return steps
  }

  /// How `steps` writes an array's elements.
  private static let element = Array("[]".utf8)

  /// The first eight bytes, the first of them lowest, padded with zeros.
  private static func firstWord(of key: [UInt8]) -> UInt64 {
    var word: UInt64 = 0
    for (index, byte) in key.prefix(8).enumerated() {
      word |= UInt64(byte) << UInt64(8 * index)
    }
    return word
  }
}
