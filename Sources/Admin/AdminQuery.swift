// What stands behind the question mark of an admin page's address: `rows=200&events=ended`.

package import Wire

package struct AdminQuery {
  private var values: [Substring: Substring] = [:]

  package init(_ head: RequestHead) { self.init(head.headers.string(head.originTarget)) }

  /// Names and values are plain words here, so nothing is decoded. Of two of a name the last counts.
  init(_ target: String) {
    guard let mark = target.firstIndex(of: "?") else { return }
    for pair in target[target.index(after: mark)...].split(separator: "&") {
      let name = pair.prefix { $0 != "=" }
      values[name] = pair.dropFirst(name.count + 1)
    }
  }

  /// The number of that name, put into the range; `fallback` where there is none.
  package func integer(_ name: String, in range: ClosedRange<Int>, else fallback: Int) -> Int {
    guard let number = values[name[...]].flatMap({ Int($0) }) else { return fallback }
    return min(max(number, range.lowerBound), range.upperBound)
  }

  /// The words of a list with commas; nil where the name is not there.
  func words(_ name: String) -> [Substring]? { values[name[...]]?.split(separator: ",") }
}
