// What the taps of one loop share. Streams of one provider look alike: what one of them has learnt
// serves the others at once, and takes memory, and the processor's cache, once for all. And few
// events are open at a time, however many streams are.

internal import Wire

/// The templates that the streams and the plain answers of one loop made last, and readers that wait for an
/// event.
package final class TapSupplies {
  private struct Entry {
    let template: EventTemplate
    let dialect: Dialect
    /// What a stream must know already for the template to hold; see `StreamMemory.known`.
    let known: UInt64
  }

  private var entries: [Entry] = []
  /// The one that gives way next.
  private var oldest = 0
  private static let limit = 8
  private var readers = [EventReader()]
  /// More have been lent at once only where so many streams broke off within an event.
  private static let readerLimit = 64

  package init() {}

  /// A template that this event matches, made for a stream that is read as this one is.
  func template(of event: Span<UInt8>, in dialect: Dialect, known: UInt64) -> EventTemplate? {
    for entry in entries
    where entry.dialect === dialect && entry.known == known && entry.template.matches(event) {
      return entry.template
    }
    return nil
  }

  func add(_ template: EventTemplate, for dialect: Dialect, known: UInt64) {
    let entry = Entry(template: template, dialect: dialect, known: known)
    if entries.count < Self.limit { return entries.append(entry) }
    entries[oldest] = entry
    oldest = (oldest + 1) % Self.limit
  }

  // MARK: - Paths

  private var lastPath: PathReading?

  /// What the request's path says, read anew only where it is not the last one's.
  func read(_ request: borrowing TapRequest) -> PathReading {
    if let lastPath, lastPath.holds(for: request) { return lastPath }
    let reading = PathReading(request)
    if !reading.hasQuery { lastPath = reading }
    return reading
  }

  // MARK: - Bodies

  private var bodies: [BodyTemplate] = []
  private var oldestBody = 0
  private static let bodyLimit = 4
  /// Bodies read in full since a template was last made of one. It costs what some of them cost.
  private var bodyCredit = 0
  private static let bodyPrice = 16
  private var others: [JSONPattern.Other] = []

  /// Reads a body that is like one before, and returns whether it is.
  func read(
    _ body: Span<UInt8>, _ interpreter: inout EventInterpreter, _ memory: borrowing StreamMemory
  ) -> Bool {
    for index in bodies.indices where bodies[index].dialect === memory.dialect {
      if !others.isEmpty { others.removeAll(keepingCapacity: true) }
      if bodies[index].read(body, &interpreter, memory, &others) { return true }
    }
    return false
  }

  /// Expects bodies like this one, which has been read whole.
  func learn(_ body: Span<UInt8>, of dialect: Dialect) {
    bodyCredit += 1
    guard bodyCredit >= Self.bodyPrice else { return }
    bodyCredit = 0
    guard let made = BodyTemplate(of: body, in: dialect) else { return }
    if bodies.count < Self.bodyLimit { return bodies.append(made) }
    bodies[oldestBody] = made
    oldestBody = (oldestBody + 1) % Self.bodyLimit
  }

  // MARK: - Readers

  /// A reader at rest, whatever it read before.
  func lendReader() -> EventReader { readers.popLast() ?? EventReader() }

  func takeBack(_ reader: consuming EventReader) {
    if readers.count < Self.readerLimit { readers.append(reader) }
  }
}
