// Asks a running weir one thing over its admin port, for the commands that do so and for
// containers without curl.

import Connections
import IO
import Wire

/// 0 if the weir at `address` is ready, 1 if it is not or nobody answers.
func checkHealth(at address: SocketAddress) -> Int32 {
  call("GET", "/readyz", at: address) { answer in
    answer.status == 200 ? nil : "not ready: status \(answer.status)"
  }
}

/// Has the weir at `address` read its settings again; says what is wrong with them and returns 1
/// if it keeps the old ones.
func reload(at address: SocketAddress) -> Int32 { change("/reload", at: address) }

/// Has the weir at `address` drain; returns as soon as it has begun to.
func drain(at address: SocketAddress) -> Int32 { change("/drain", at: address) }

private func change(_ path: String, at address: SocketAddress) -> Int32 {
  call("POST", path, at: address) { answer in
    let text = answer.text.hasSuffix("\n") ? String(answer.text.dropLast()) : answer.text
    guard (200..<300).contains(answer.status) else { return text }
    say("weir: \(text)", to: 1)
    return nil
  }
}

/// `judge` returns what is wrong with the answer; nil for nothing.
private func call(
  _ method: StaticString, _ path: String, at address: SocketAddress,
  judge: (AdminCall.Answer) -> String?
) -> Int32 {
  let problem: String?
  do {
    problem = judge(try AdminCall(method, path, at: address).run())
  } catch let failure as AdminCallFailure {
    problem = failure.reason
  } catch {
    problem = "\(error)"
  }
  guard let problem else { return ExitCode.done }
  say("weir: \(address): \(problem)")
  return ExitCode.badSettings
}

/// Why there was no answer.
struct AdminCallFailure: Error {
  let reason: String
}

/// One request and its answer, on a loop of its own.
final class AdminCall: ResponseHandler, TimerOwner {
  struct Answer {
    var status: Int
    /// At most 64 KiB of the body.
    var text: String
  }

  private let loop: EventLoop
  private let address: SocketAddress
  private let method: StaticString
  private let path: String
  private var connector: Connector?
  private var connection: ClientConnection?
  private var timer: LoopTimer?
  private var status = 0
  private var body: [UInt8] = []
  private var failure: String? = "no answer within 5 seconds"

  private static let bodyLimitBytes = 64 << 10

  init(_ method: StaticString, _ path: String, at address: SocketAddress) throws(SystemError) {
    self.method = method
    self.path = path
    self.address = address
    loop = try EventLoop(kernel: LinuxKernel(), eventsPerWait: 8)
  }

  /// Blocks for at most 5 seconds.
  func run() throws(AdminCallFailure) -> Answer {
    let timer = LoopTimer(on: loop, owner: self)
    timer.set(loop.now + .seconds(5))
    self.timer = timer
    connector = Connector(to: [address], on: loop) { [unowned self] result in
      switch result {
      case .success(let socket): ask(over: socket)
      case .failure(let error): end("nobody answers: \(error)")
      }
    }
    loop.run()
    if let failure { throw AdminCallFailure(reason: failure) }
    return Answer(status: status, text: String(decoding: body, as: UTF8.self))
  }

  private func ask(over socket: ConnectedSocket) {
    let stream = ByteStream(connected: socket, on: loop, tls: nil)
    let connection = ClientConnection(
      stream, to: address, headLimitBytes: 16 << 10, supplies: ConnectionSupplies())
    self.connection = connection
    connection.begin(self, isHEAD: false)
    var writer = HeadWriter()
    writer.requestLine(method: method, target: path)
    writer.field("Host", "localhost")
    writer.field("Content-Length", 0)
    writer.end()
    let request = writer.bytes
    connection.send(request.span)
  }

  private func end(_ failure: String?) {
    self.failure = failure
    loop.stop()
  }

  func timerFired(_ timer: LoopTimer) { loop.stop() }
  func responseHead(_ head: ResponseHead) { status = head.status }
  func responseFailed(_ failure: ResponseFailure) { end("the answer was no answer: \(failure)") }

  func responseBody(_ wire: Span<UInt8>, payload: [Range<Int>]) {
    for range in payload where body.count + range.count <= Self.bodyLimitBytes {
      body.append(copying: wire.extracting(range))
    }
  }

  func responseEnded() { end(nil) }
  func responseReadEnded() {}
  func upstreamDrained() {}
}
