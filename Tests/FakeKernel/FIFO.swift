// A queue in an array: bytes in a socket's buffer, segments on their way.

struct FIFO<Element> {
  private var elements: [Element] = []
  private var head = 0

  var count: Int { elements.count - head }
  var isEmpty: Bool { count == 0 }
  var first: Element? { isEmpty ? nil : elements[head] }

  func prefix(_ number: Int) -> ArraySlice<Element> { elements[head...].prefix(number) }

  mutating func append(_ element: Element) { elements.append(element) }

  mutating func append(contentsOf more: some Collection<Element>) {
    elements.append(contentsOf: more)
  }

  mutating func prepend(_ element: Element) {
    if head == 0 {
      elements.insert(element, at: 0)
    } else {
      head -= 1
      elements[head] = element
    }
  }

  mutating func replaceFirst(with element: Element) { elements[head] = element }

  /// Removes and returns the first elements, at most `number` of them.
  @discardableResult
  mutating func removeFirst(upTo number: Int) -> ArraySlice<Element> {
    let taken = elements[head..<min(head + number, elements.count)]
    head += taken.count
    if head == elements.count {
      removeAll()
    } else if head > 4096, head * 2 > elements.count {
      elements.removeFirst(head)
      head = 0
    }
    return taken
  }

  /// Removes and returns all but the first `number` elements.
  mutating func removeAll(after number: Int) -> ArraySlice<Element> {
    let taken = elements[(head + number)...]
    elements.removeSubrange((head + number)...)
    return taken
  }

  mutating func removeAll() {
    elements.removeAll(keepingCapacity: true)
    head = 0
  }
}
