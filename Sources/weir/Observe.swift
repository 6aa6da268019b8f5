// `weir observe`: the side path over a recorded body, and the facts as one line of JSON.

import Glibc
import Tap

func observe(_ arguments: ObserveArguments) -> Int32 {
  let descriptor = arguments.file == "-" ? STDIN_FILENO : open(arguments.file, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else {
    say("weir observe: \(arguments.file): \(String(cString: strerror(errno)))")
    return ExitCode.badSettings
  }
  let type = arguments.contentType ?? contentType(ofFile: arguments.file)
  var request = TapRequest(
    path: Array((arguments.path ?? "/").utf8), contentType: Array(type.utf8),
    contentEncoding: Array((arguments.contentEncoding ?? "").utf8), status: arguments.status)
  request.messageLimitBytes = 4096
  let report = ObserveReport(request)
  var buffer = [UInt8](repeating: 0, count: 64 * 1024)
  while true {
    let count = read(descriptor, &buffer, buffer.count)
    if count < 0 {
      say("weir observe: \(arguments.file): \(String(cString: strerror(errno)))")
      return ExitCode.badSettings
    }
    if count == 0 { break }
    report.read(buffer.span.extracting(0..<count))
  }
  say(String(decoding: report.line(), as: UTF8.self), to: STDOUT_FILENO)
  return ExitCode.done
}

/// What a body most likely is, by its file's name, where no option says it.
private func contentType(ofFile name: String) -> String {
  switch name.split(separator: ".").last {
  case "ndjson", "jsonl": "application/x-ndjson"
  case "eventstream": "application/vnd.amazon.eventstream"
  case "json": "application/json"
  default: "text/event-stream"
  }
}
