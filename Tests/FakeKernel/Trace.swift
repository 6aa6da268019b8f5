// What happened, in order: the last calls to read after a failure, and a hash of all of them to
// tell whether two runs were the same.

internal import IO

package struct Trace {
  struct Entry {
    var time: UInt64
    var call: StaticString
    var subject: Int
    var argument: Int
    var result: Int
  }

  private var last: [Entry] = []
  private var next = 0
  private let depth: Int
  /// How many calls were made in all.
  package private(set) var count = 0
  /// FNV-1a over every call with its time, subject, argument and result.
  package private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325

  init(depth: Int) { self.depth = depth }

  mutating func record(_ entry: Entry) {
    count += 1
    mix(entry.time)
    entry.call.withUTF8Buffer { for byte in $0 { mix(byte) } }
    for number in [entry.subject, entry.argument, entry.result] {
      mix(UInt64(bitPattern: Int64(number)))
    }
    if last.count < depth { last.append(entry) } else { last[next] = entry }
    next = (next + 1) % depth
  }

  private mutating func mix(_ byte: UInt8) {
    hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
  }

  private mutating func mix(_ word: UInt64) {
    for shift in stride(from: UInt64(0), to: 64, by: 8) {
      mix(UInt8(truncatingIfNeeded: word >> shift))
    }
  }

  /// The last calls, oldest first, a line each: time, call, subject, argument and result. A negative
  /// result is an errno.
  package var lines: [String] {
    let ordered = last.count < depth ? last[...] : last[next...] + last[..<next]
    return ordered.map { entry in
      "\(Double(entry.time) / 1e6) ms  \(entry.call)(\(entry.subject), \(entry.argument))"
        + " -> \(entry.result)"
    }
  }
}
