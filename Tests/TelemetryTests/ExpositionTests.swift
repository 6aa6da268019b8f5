// Goal: the page says what was counted, in both formats, to the letter. Method: golden blocks, and
// the parsers that real scrapers use, where they are installed.

import Foundation
import Testing

@testable import Telemetry

@Suite struct ExpositionTests {
  private func counted(_ records: [ExchangeRecord]) -> (MetricsShard, LabelRegistry) {
    let registry = LabelRegistry()
    let shard = MetricsShard(registry: registry)
    for record in records {
      shard.accepted(shard.route(record.route).child)
      shard.record(record)
    }
    return (shard, registry)
  }

  private var everything: (MetricsShard, LabelRegistry, [ScrapedSample]) {
    var stream = Sample.stream(tenant: #"a"b\c"#)
    stream.traceID = "0af7651916cd43dd8448eb211c80319c"
    stream.isTraceSampled = true
    stream.costPicoUSD = 12_500_000
    var failed = ExchangeRecord(route: "openai", outcome: .rejected)
    (failed.status, failed.origin, failed.errorType) = (429, .relay, .queueFull)
    let (shard, registry) = counted([stream, Sample.stream(), failed])
    let route = shard.route("openai")
    shard.streamOpened(route)
    shard.gap(1_200_000_000, shard.exchange(stream.key))
    shard.eventSizes([0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], bytes: 230, route)
    shard.burst(3, route)
    shard.observerError(.badJSON)
    shard.relayed(1000, .down, route.child, delayNanoseconds: 20_000)
    shard.backpressureBegan(.client, route)
    shard.backpressureEnded(.client, route, pausedNanoseconds: 1_500_000)
    shard.decided(.waited, shard.limit("all"), waitedNanoseconds: 2_000_000)
    shard.upstreamConnection(shard.upstream("openai"), from: nil, to: .active)
    shard.connectPhase(.tcp, shard.upstream("openai"), nanoseconds: 400_000)
    shard.retried(.connectFailed, shard.upstream("openai"))
    shard.downstreamOpened()
    shard.socketOpened(.tunnel)
    shard.socketMessage(.tunnel, .sent, bytes: 10)
    shard.socketRoundTrip(.hub, nanoseconds: 1)
    shard.loopLag(1)
    shard.reloaded(.applied)
    let samples = [
      ScrapedSample(.buildInfo, ["0.1\n", "abc"], .integer(1)),
      ScrapedSample(.processCPU, .real(1.25)), ScrapedSample(.limitDrift, ["all"], .integer(-1)),
      ScrapedSample(.bufferedBytes, ["relay"], .integer(0)),
      ScrapedSample(.scrapeSeconds, .real(0.002)),
    ]
    return (shard, registry, samples)
  }

  @Test func textFormat() {
    let (shard, registry, samples) = everything
    let page = Sample.page(shard.snapshot(), registry, samples: samples, format: .text)
    #expect(
      Sample.block("weir_requests_accepted_total", in: page) == """
        # HELP weir_requests_accepted_total Request heads read.
        # TYPE weir_requests_accepted_total counter
        weir_requests_accepted_total{route="openai"} 3
        """)
    #expect(
      Sample.block("weir_inter_token_seconds", in: page).split(separator: "\n").suffix(6)
        .joined(separator: "\n") == """
          weir_inter_token_seconds_bucket{route="openai",provider="openai",operation="chat",\
          model="gpt-4o",le="5.0"} 1
          weir_inter_token_seconds_bucket{route="openai",provider="openai",operation="chat",\
          model="gpt-4o",le="10.0"} 1
          weir_inter_token_seconds_bucket{route="openai",provider="openai",operation="chat",\
          model="gpt-4o",le="30.0"} 1
          weir_inter_token_seconds_bucket{route="openai",provider="openai",operation="chat",\
          model="gpt-4o",le="+Inf"} 1
          weir_inter_token_seconds_sum{route="openai",provider="openai",operation="chat",\
          model="gpt-4o"} 1.2
          weir_inter_token_seconds_count{route="openai",provider="openai",operation="chat",\
          model="gpt-4o"} 1
          """)
    #expect(
      Sample.block("weir_cost_usd_total", in: page) == #"""
        # HELP weir_cost_usd_total Cost in US dollars, where the settings give prices.
        # TYPE weir_cost_usd_total counter
        weir_cost_usd_total{route="openai",provider="openai",operation="chat",model="gpt-4o",tenant="a\"b\\c"} 0.0000125
        """#)
    #expect(
      Sample.block("weir_build_info", in: page).hasSuffix(
        #"weir_build_info{version="0.1\n",commit="abc"} 1"#))
    #expect(Sample.block("weir_limit_drift", in: page).hasSuffix(#"{limit="all"} -1"#))
    #expect(Sample.block("process_cpu_seconds_total", in: page).hasSuffix(" 1.25"))
    #expect(Sample.block("weir_streams_peak", in: page).hasSuffix(#"{route="openai"} 1"#))
    #expect(!page.contains("EOF") && !page.contains("trace_id"))
    #expect(page.contains(#"weir_relay_delay_seconds_bucket{direction="down",le="1e-05"} 0"#))
    #expect(page.contains(#"weir_relay_delay_seconds_bucket{direction="down",le="2.5e-05"} 1"#))
    #expect(page.contains(#"weir_backpressure_seconds_total{route="openai",side="client"} 0.0015"#))
  }

  @Test func openMetricsFormat() {
    let (shard, registry, samples) = everything
    let page = Sample.page(shard.snapshot(), registry, samples: samples, format: .openMetrics)
    #expect(
      Sample.block("weir_requests_accepted", in: page) == """
        # HELP weir_requests_accepted Request heads read.
        # TYPE weir_requests_accepted counter
        weir_requests_accepted_total{route="openai"} 3
        """)
    let exemplar = #" # {trace_id="0af7651916cd43dd8448eb211c80319c"} "#
    let marked = page.split(separator: "\n").filter { $0.contains(exemplar) }
    #expect(marked.count == 2)
    #expect(
      marked.contains { line in
        line.hasPrefix("weir_time_to_first_token_seconds_bucket{")
          && line.hasSuffix(#"le="0.1"} 1\#(exemplar)0.1 1763670289.123"#)
      })
    #expect(
      marked.contains { line in
        line.hasPrefix("weir_request_duration_seconds_bucket{")
          && line.hasSuffix(#"le="2.56"} 2\#(exemplar)2.25 1763670289.123"#)
      })
    #expect(page.hasSuffix("# EOF\n"))
  }

  @Test func theSeriesAreCounted() {
    let (shard, registry, samples) = everything
    let page = Sample.page(shard.snapshot(), registry, samples: samples, format: .text)
    #expect(Sample.sum("weir_metrics_series", in: page) == Double(Sample.series(page).count))
  }

  @Test(
    "RFC 9110 §12.5.1: Accept",
    arguments: [
      (nil, ExpositionFormat.text), ("", .text), ("*/*", .text), ("text/plain", .text),
      ("application/openmetrics-text", .openMetrics),
      ("application/openmetrics-text; version=1.0.0; charset=utf-8", .openMetrics),
      ("application/openmetrics-text;version=0.0.1", .text),
      ("application/openmetrics-text;q=0", .text),
      ("application/openmetrics-text;q=0.4,text/plain;q=0.5", .text),
      (
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
          + "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", .openMetrics
      ),
      (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
          + "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,*/*;q=0.2", .openMetrics
      ),
    ] as [(String?, ExpositionFormat)])
  func negotiation(_ accept: String?, _ format: ExpositionFormat) {
    #expect(ExpositionFormat(accept: accept) == format)
  }

  // Goal: pieces of any size make the same page, and none is much larger than was asked for.
  @Test(arguments: [1, 100, 4096, 1 << 20])
  func piecesMakeThePage(_ bytes: Int) {
    let (shard, registry, samples) = everything
    let figures = shard.snapshot()
    let whole = Sample.page(figures, registry, samples: samples, format: .openMetrics)
    let joined = Sample.page(
      figures, registry, samples: samples, format: .openMetrics, inPiecesOf: bytes)
    #expect(joined == whole)
    var exposition = Exposition(.text, figures, registry: registry, samples: samples)
    var piece: [UInt8] = []
    var count = 1
    while exposition.write(bytes, into: &piece) {
      count += 1
      #expect(piece.count < bytes + 16_384)
      #expect(piece.isEmpty || piece.last == UInt8(ascii: "\n"))
    }
    #expect(bytes < whole.utf8.count ? count > 1 : count == 1)
  }

  @Test(
    "RFC 9110 §12.5.3: Accept-Encoding",
    arguments: [
      (nil, false), ("", false), ("gzip", true), ("deflate, GZIP ; q=0.2", true), ("*", true),
      ("gzip;q=0, *", false), ("identity", false), ("br", false), ("x-gzip", true),
    ] as [(String?, Bool)])
  func coding(_ accepted: String?, _ takes: Bool) {
    #expect(ExpositionFormat.takesGzip(acceptEncoding: accepted) == takes)
  }

  /// The strict parser of PyPI's prometheus_client for OpenMetrics, its other one for text.
  @Test(arguments: [ExpositionFormat.text, .openMetrics])
  func aForeignParserAcceptsThePage(_ format: ExpositionFormat) throws {
    let module =
      format == .text ? "prometheus_client.parser" : "prometheus_client.openmetrics.parser"
    guard try run(["python3", "-c", "import \(module)"], input: "").status == 0 else {
      print("skipped: python3 has no prometheus_client here")
      return
    }
    let (shard, registry, samples) = everything
    let page = Sample.page(shard.snapshot(), registry, samples: samples, format: format)
    let script = """
      import sys
      from \(module) import text_string_to_metric_families as parse
      print(sum(len(family.samples) for family in parse(sys.stdin.read())))
      """
    let (status, output) = try run(["python3", "-c", script], input: page)
    #expect(status == 0, "\(output)")
    #expect(Int(output.trimmingCharacters(in: .whitespacesAndNewlines)) == Sample.lines(page))
  }

  @Test func promtoolFindsNothingToSay() throws {
    guard try run(["promtool", "--version"], input: "").status == 0 else {
      print("skipped: no promtool here")
      return
    }
    let (shard, registry, samples) = everything
    let page = Sample.page(shard.snapshot(), registry, samples: samples, format: .text)
    let (status, output) = try run(["promtool", "check", "metrics"], input: page)
    #expect(status == 0, "\(output)")
  }

  private func run(
    _ arguments: [String], input: String
  ) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try Data(input.utf8).write(to: folder)
    defer { try? FileManager.default.removeItem(at: folder) }
    process.standardInput = try FileHandle(forReadingFrom: folder)
    let pipe = Pipe()
    (process.standardOutput, process.standardError) = (pipe, pipe)
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }
}

extension Sample {
  static func lines(_ page: String) -> Int {
    page.split(separator: "\n").count { !$0.hasPrefix("#") }
  }
}
