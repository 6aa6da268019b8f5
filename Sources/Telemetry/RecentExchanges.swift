// The last exchanges that ended on a loop, for people who look at weir: a ring, so that its size is
// fixed whatever the traffic.

package struct RecentExchanges {
  private let capacity: Int
  private var records: [ExchangeRecord] = []
  private var next = 0
  /// How many have been noted since the start.
  package private(set) var count: UInt64 = 0

  package init(capacity: Int) {
    precondition(capacity > 0, "a ring without room")
    self.capacity = capacity
  }

  package mutating func note(_ record: ExchangeRecord) {
    count += 1
    if records.count < capacity {
      records.append(record)
    } else {
      records[next] = record
      next = (next + 1) % capacity
    }
  }

  /// Those noted after the first `seen`, oldest first, as far as the ring still holds them.
  package func after(_ seen: UInt64) -> [ExchangeRecord] {
    let fresh = Int(min(count - min(seen, count), UInt64(records.count)))
    return (records.count - fresh..<records.count).map { records[(next + $0) % records.count] }
  }
}
