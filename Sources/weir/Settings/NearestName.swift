// Finds the name that someone who misspelt it meant.

/// The one of `names` that is fewest edits away from `name`, or else one that holds it; nil if none
/// is near enough to be meant. An edit is a letter left out, put in, changed, or swapped with its
/// neighbour.
func nearestName(to name: String, among names: some Sequence<String>) -> String? {
  let wanted = comparable(name)
  var best: (name: String, edits: Int)?
  for candidate in names {
    let edits = editCount(wanted, comparable(candidate))
    let allowed = max(1, max(wanted.count, candidate.utf8.count) * 2 / 5)
    if edits <= allowed && edits < best?.edits ?? .max { best = (candidate, edits) }
  }
  let part = name.drop { $0 == "-" }.lowercased()
  return best?.name ?? names.first { part.utf8.count >= 4 && $0.contains(part) }
}

/// Case, the dashes of a flag, and whether words are joined by `-` or `_` are the commonest slips and
/// cost nothing.
private func comparable(_ name: String) -> [UInt8] {
  name.drop { $0 == "-" }.lowercased().utf8.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }
}

/// The optimal string alignment distance; rows of the matrix are prefixes of `first`.
private func editCount(_ first: [UInt8], _ second: [UInt8]) -> Int {
  var beforeLast: [Int] = []
  var last = Array(0...second.count)
  for row in first.indices {
    var current = [row + 1]
    for column in second.indices {
      let change = last[column] + (first[row] == second[column] ? 0 : 1)
      var least = min(change, last[column + 1] + 1, current[column] + 1)
      let isSwap =
        row > 0 && column > 0 && first[row] == second[column - 1]
        && first[row - 1] == second[column]
      if isSwap { least = min(least, beforeLast[column - 1] + 1) }
      current.append(least)
    }
    beforeLast = last
    last = current
  }
  return last[second.count]
}
