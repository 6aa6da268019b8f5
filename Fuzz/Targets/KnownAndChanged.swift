// Inputs for what remembers: something that becomes known, and the same with a few bytes changed.

/// Takes an input apart. Its first byte is the target's own; the second says how many changes there are, of
/// three bytes each: where, and the byte that stands there then. The rest is what becomes known. Nil for an
/// input that is too short.
func knownAndChanged(
  _ input: UnsafeRawBufferPointer
) -> (choice: UInt8, known: [UInt8], changed: [UInt8])? {
  guard input.count > 2 else { return nil }
  let changes = min(Int(input[1] % 8), (input.count - 2) / 3)
  let known = Array(input.dropFirst(2 + 3 * changes))
  var changed = known
  for change in 0..<changes where !known.isEmpty {
    let place = Int(input[2 + 3 * change]) << 8 | Int(input[3 + 3 * change])
    changed[place % known.count] = input[4 + 3 * change]
  }
  return (input[0], known, changed)
}
