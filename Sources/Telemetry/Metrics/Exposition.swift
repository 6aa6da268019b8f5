// Writes the metrics page from figures that were added up: text 0.0.4 or OpenMetrics 1.0.

/// A figure that the scrape brings along: a gauge read at that moment, or a count kept elsewhere.
package struct ScrapedSample: Sendable {
  package enum Value: Sendable {
    case integer(Int64)
    case real(Double)
  }

  package let id: MetricID
  /// Values of the labels that the catalogue names for the family, in its order.
  package let labels: [String]
  package let value: Value

  package init(_ id: MetricID, _ value: Value) { self.init(id, [], value) }

  package init(_ id: MetricID, _ labels: [String], _ value: Value) {
    self.id = id
    self.labels = labels
    self.value = value
  }
}

/// One page, written in pieces, so that whoever writes it can see to other things in between, and
/// never needs memory for all of it. Touches no loop's memory and needs about 0.1 µs a line.
package struct Exposition {
  private let format: ExpositionFormat
  private let snapshot: MetricsSnapshot
  private let entries: [MetricScope: [LabelRegistry.Entry]]
  private let samples: [MetricID: [ScrapedSample]]
  /// The piece under way.
  private var page: [UInt8] = []
  private var series: Int64 = 0
  /// Where it goes on: the family, and the child of it.
  private var place = (family: 0, entry: 0)
  /// Whether the family has had its head, which one without figures does not get.
  private var hasHead = false
  /// Combinations of labels looked at for this piece.
  private var looks = 0

  /// One that is looked at and left out takes about as long as so many bytes that are written.
  private static let bytesPerLook = 2

  /// The page for the given figures; further children may come while it is written, and are left
  /// out of it.
  ///
  /// - Parameter samples: all figures of families that the shards do not keep, but for those which
  ///   the registry knows: `weir_streams_peak`, `weir_label_overflow_total` and
  ///   `weir_metrics_series`.
  package init(
    _ format: ExpositionFormat, _ snapshot: MetricsSnapshot, registry: LabelRegistry,
    samples: [ScrapedSample]
  ) {
    self.format = format
    self.snapshot = snapshot
    entries = Dictionary(grouping: registry.entries(), by: \.scope)
    let known = samples + Self.samples(of: registry)
    self.samples = Dictionary(grouping: known, by: \.id)
  }

  /// Replaces `piece` by the next lines: `bytes` of them and at most one child's more, or what
  /// takes as long to find. Returns whether others follow.
  package mutating func write(_ bytes: Int, into piece: inout [UInt8]) -> Bool {
    swap(&page, &piece)
    defer { swap(&page, &piece) }
    page.removeAll(keepingCapacity: true)
    looks = 0
    while place.family < FamilyText.all.count {
      let text = FamilyText.all[place.family]
      let isWritten =
        switch text.family.source {
        case .shards(let scope): write(text, entries[scope] ?? [], upTo: bytes)
        case .scrape: write(text, samples[text.family.id] ?? [])
        }
      guard isWritten else { return true }
      place = (place.family + 1, 0)
      hasHead = false
    }
    // Last, because it counts the others, and itself.
    let count = ScrapedSample(.metricsSeries, [], .integer(series + 1))
    _ = write(FamilyText.all[MetricID.metricsSeries.rawValue], [count])
    if format == .openMetrics { append("# EOF\n") }
    return false
  }

  private static func samples(of registry: LabelRegistry) -> [ScrapedSample] {
    let overflows = zip(Label.Overflow.allCases, registry.overflows()).map { label, count in
      ScrapedSample(.labelOverflow, [label.rawValue], .integer(Int64(clamping: count)))
    }
    let peaks = registry.peaks().map { route, streams in
      ScrapedSample(.streamsPeak, [route], .integer(Int64(streams)))
    }
    let socketPeaks = zip(Label.SocketMode.allCases, registry.socketLevels).map { mode, level in
      ScrapedSample(.websocketSessionsPeak, [mode.rawValue], .integer(Int64(level.peak)))
    }
    return overflows + peaks + socketPeaks
  }

  // MARK: - Families

  /// A family that the scrape brings along, whole.
  private mutating func write(_ text: FamilyText, _ samples: [ScrapedSample]) -> Bool {
    guard !samples.isEmpty else { return true }
    append(text.head(format))
    for sample in samples {
      append(text.name)
      let labels = LabelText.pairs(zip(text.family.labelNames, sample.labels).map { ($0, $1) })
      appendLabels(labels, [])
      switch sample.value {
      case .integer(let value): appendSigned(value)
      case .real(let value): append(Array(FamilyText.number(value).utf8))
      }
      endLine()
    }
    return true
  }

  /// A family of the shards' from where it was left; false if the piece is full before its end.
  private mutating func write(
    _ text: FamilyText, _ entries: [LabelRegistry.Entry], upTo bytes: Int
  ) -> Bool {
    while place.entry < entries.count {
      guard page.count + looks * Self.bytesPerLook < bytes else { return false }
      write(text, entries[place.entry])
      place.entry += 1
    }
    return true
  }

  private mutating func write(_ text: FamilyText, _ entry: LabelRegistry.Entry) {
    let family = text.family
    let width = family.slotsPerSeries
    let first = entry.child.firstSlot + SlotLayout.offsets[family.id.rawValue]
    for combination in text.combinations.indices {
      let slot = first + combination * width
      if family.buckets != nil {
        writeHistogram(text, entry.labels, text.combinations[combination], slot)
      } else if snapshot[slot] != 0 || text.showsZero[combination] {
        writeValue(text, entry.labels, text.combinations[combination], snapshot[slot])
      }
    }
    looks += text.combinations.count * width
  }

  private mutating func writeHead(_ text: FamilyText) {
    if !hasHead { append(text.head(format)) }
    hasHead = true
  }

  private mutating func writeValue(
    _ text: FamilyText, _ labels: [UInt8], _ closed: [UInt8], _ value: UInt64
  ) {
    writeHead(text)
    append(text.name)
    appendLabels(labels, closed)
    if text.family.kind == .gauge {
      appendSigned(Int64(bitPattern: value))
    } else {
      appendDecimal(value, text.family.decimals)
    }
    endLine()
  }

  private mutating func writeHistogram(
    _ text: FamilyText, _ labels: [UInt8], _ closed: [UInt8], _ first: Int
  ) {
    let bucketCount = text.bounds.count
    var total: UInt64 = 0
    for bucket in 0..<bucketCount { total &+= snapshot[first + bucket] }
    guard total > 0 else { return }
    writeHead(text)
    let shared = closed.isEmpty || labels.isEmpty ? labels + closed : labels + [comma] + closed
    var count: UInt64 = 0
    for bucket in 0..<bucketCount {
      count &+= snapshot[first + bucket]
      append(text.bucketName)
      appendLabels(shared, text.bounds[bucket])
      appendDecimal(count, 0)
      appendExemplar(text.family, first + bucket)
      endLine()
    }
    append(text.sumName)
    appendLabels(shared, [])
    appendDecimal(snapshot[first + bucketCount], text.family.decimals)
    endLine()
    append(text.countName)
    appendLabels(shared, [])
    appendDecimal(total, 0)
    endLine()
  }

  // MARK: - Parts of a line

  /// ` # {trace_id="…"} value timestamp`, OpenMetrics §4.6.
  private mutating func appendExemplar(_ family: MetricFamily, _ slot: Int) {
    guard format == .openMetrics, family.hasExemplars, let exemplar = snapshot.exemplars[slot]
    else { return }
    append(" # {")
    append(LabelText.pairs([("trace_id", exemplar.traceID)]))
    append("} ")
    appendDecimal(exemplar.value, family.decimals)
    append(" ")
    appendDecimal(exemplar.unixNanoseconds / 1_000_000, 3)
  }

  /// `{a,b} ` with whichever there are, or a space.
  private mutating func appendLabels(_ first: [UInt8], _ second: [UInt8]) {
    if !first.isEmpty || !second.isEmpty {
      page.append(UInt8(ascii: "{"))
      append(first)
      if !first.isEmpty && !second.isEmpty { page.append(comma) }
      append(second)
      page.append(UInt8(ascii: "}"))
    }
    page.append(UInt8(ascii: " "))
  }

  private mutating func endLine() {
    page.append(UInt8(ascii: "\n"))
    series += 1
  }

  private mutating func append(_ bytes: [UInt8]) { page.append(contentsOf: bytes) }
  private mutating func append(_ text: String) { page.append(contentsOf: text.utf8) }

  private mutating func appendSigned(_ value: Int64) {
    if value < 0 { page.append(UInt8(ascii: "-")) }
    appendDecimal(value.magnitude, 0)
  }

  private mutating func appendDecimal(_ value: UInt64, _ decimals: Int) {
    Digits.append(value, decimals: decimals, to: &page)
  }
}

private let comma = UInt8(ascii: ",")
