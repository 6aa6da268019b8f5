// What `weir top` is told by the feed: JSON as values. What is missing there is 0 or nil here, so
// that a newer or an older weir can be looked at, too.

/// The event `snapshot`.
struct TopSnapshot: Equatable {
  struct Distribution: Equatable {
    var p50: Double?
    var p90: Double?
    var p99: Double?
    var counts: [Int] = []
  }

  struct Limit: Equatable {
    var name: String
    var maxStreams: Int
    var inUse: Int
    var queued: Int
    var fullestKey: Int
    var keys: Int
  }

  struct Failure: Equatable {
    var type: String
    var count: Int
  }

  var version = ""
  var isDraining = false
  var uptimeSeconds = 0
  var windowSeconds = 0
  var loops = 0
  var streams = 0
  var requests = 0
  var requestRate = 0.0
  var eventRate = 0.0
  var byteRate = 0.0
  var ended = 0
  var errors: [Failure] = []
  var firstToken = Distribution()
  var gap = Distribution()
  var limits: [Limit] = []
  var pausedNow = 0
}

/// One of the event `streams`.
struct TopStream: Equatable {
  var id = ""
  var model = ""
  var provider = ""
  var route = ""
  var state = ""
  var age = 0.0
  var firstToken: Double?
  var speed: Double?
  var silence: Double?
  var events = 0
  var bytes = 0.0
}

extension TopSnapshot {
  init(_ json: JSON5Value) {
    version = json["version"]?.text ?? ""
    isDraining = json["state"]?.text == "draining"
    uptimeSeconds = Int((json["uptime_ms"]?.number ?? 0) / 1000)
    windowSeconds = Int((json["window_ms"]?.number ?? 0) / 1000)
    loops = json.count("loops")
    streams = json.count("streams_active")
    requests = json.count("requests_active")
    requestRate = json["requests_per_second"]?.number ?? 0
    eventRate = json["events_per_second"]?.number ?? 0
    byteRate = json["bytes_down_per_second"]?.number ?? 0
    ended = json["outcomes"]?.members.reduce(0) { $0 + Int($1.value.number ?? 0) } ?? 0
    errors = (json["errors"]?.elements ?? [])
      .map { Failure(type: $0["error_type"]?.text ?? "", count: $0.count("count")) }
      .filter { $0.count > 0 }.sorted { ($1.count, $0.type) < ($0.count, $1.type) }
    firstToken = Distribution(json["ttft"])
    gap = Distribution(json["gap"])
    limits = (json["limits"]?.elements ?? []).map(Limit.init)
    let sides = json["backpressure"]?.members ?? []
    pausedNow = sides.reduce(0) { $0 + $1.value.count("paused_now") }
  }

  var errorCount: Int { errors.reduce(0) { $0 + $1.count } }
}

extension TopSnapshot.Distribution {
  fileprivate init(_ json: JSON5Value?) {
    (p50, p90, p99) = (json?["p50_ms"]?.number, json?["p90_ms"]?.number, json?["p99_ms"]?.number)
    counts = (json?["counts"]?.elements ?? []).map { Int($0.number ?? 0) }
  }
}

extension TopSnapshot.Limit {
  fileprivate init(_ json: JSON5Value) {
    self.init(
      name: json["limit"]?.text ?? "", maxStreams: json.count("max_streams"),
      inUse: json.count("in_use"), queued: json.count("queued"),
      fullestKey: json.count("key_in_use_max"), keys: json.count("keys"))
  }
}

extension TopStream {
  init(_ json: JSON5Value) {
    id = json["request_id"]?.text ?? ""
    model = json["model"]?.text ?? ""
    provider = json["provider"]?.text ?? ""
    route = json["route"]?.text ?? ""
    state = json["state"]?.text ?? ""
    if state == "queued", let limiter = json["limiter"]?.text { state += " \(limiter)" }
    if state == "paused", let side = json["paused_by"]?.text { state += " by \(side)" }
    age = json["age_ms"]?.number ?? 0
    firstToken = json["ttft_ms"]?.number
    if json.count("content_events") > 0 { speed = json["events_per_second"]?.number }
    silence = json["silent_ms"]?.number
    events = json.count("events")
    bytes = json["bytes_down"]?.number ?? 0
  }
}

extension JSON5Value {
  subscript(key: String) -> JSON5Value? { members.first { $0.key == key }?.value }

  fileprivate var members: [JSON5Member] {
    if case .object(let members) = content { members } else { [] }
  }

  var elements: [JSON5Value] {
    if case .array(let elements) = content { elements } else { [] }
  }

  fileprivate var text: String? {
    if case .string(let text) = content { text } else { nil }
  }

  var number: Double? {
    if case .number(let number) = content { number.double } else { nil }
  }

  func count(_ key: String) -> Int { Int(self[key]?.number ?? 0) }
}
