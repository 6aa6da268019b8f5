// Streams of one provider look alike: what one of them has learnt serves the others at once, and
// takes memory, and the processor's cache, once for all.

internal import Wire

/// The templates that the streams of one loop made last.
package final class TemplateCache {
  private struct Entry {
    let template: EventTemplate
    let dialect: Dialect
    /// What a stream must know already for the template to hold; see `EventInterpreter.known`.
    let known: UInt64
  }

  private var entries: [Entry] = []
  /// The one that gives way next.
  private var oldest = 0
  private static let limit = 8

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
}
