// Where libFuzzer comes in. One program holds all targets, so that one build serves them all;
// WEIR_FUZZ_TARGET says which of them this process is.

internal import Glibc

/// A property of every input: whoever finds it broken traps, and libFuzzer keeps the input.
typealias FuzzTarget = @Sendable (UnsafeRawBufferPointer) -> Void

let targets: [String: FuzzTarget] = [
  "request": fuzzRequests,
  "response": fuzzResponses,
  "heads": fuzzKnownHeads,
  "chunked": fuzzChunkedBody,
  "sse": fuzzServerSentEvents,
  "json": fuzzJSON,
  "json-elements": fuzzJSONElements,
  "eventstream": fuzzEventStream,
  "inflate": fuzzInflate,
  "gzip": fuzzGzip,
  "websocket": fuzzWebSocket,
  "base64": fuzzBase64,
  "tap": fuzzTap,
  "request-tap": fuzzRequestTap,
  "answers": fuzzAnswers,
  "settings": fuzzSettings,
  "event-cutter": fuzzEventCutter,
  "stream-log": fuzzStreamLog,
  "hub-request": fuzzHubRequests,
  "hub-socket": fuzzHubSocket,
]

private let target: FuzzTarget = {
  let name = getenv("WEIR_FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let target = targets[name] else {
    fatalError("WEIR_FUZZ_TARGET is one of \(targets.keys.sorted().joined(separator: ", "))")
  }
  return target
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  target(UnsafeRawBufferPointer(start: bytes, count: count))
  return 0
}

/// The one way in which a target fails.
func violated(_ property: String, _ left: Any, _ right: Any) -> Never {
  fatalError("\(property)\n  one: \(left)\n  other: \(right)")
}

func expectEqual<Value: Equatable>(_ left: Value, _ right: Value, _ property: String) {
  if left != right { violated(property, left, right) }
}
