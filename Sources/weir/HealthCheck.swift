// `weir healthcheck`: asks a running weir whether it is ready, for containers without curl.

import Connections
import IO
import Wire

/// 0 if the weir at `address` is ready, 1 if it is not or nobody answers within 5 seconds.
func checkHealth(at address: SocketAddress) -> Int32 {
  do {
    let check = try HealthCheck(of: address)
    return check.run()
  } catch {
    say("weir: \(error)")
    return 1
  }
}

private final class HealthCheck: ResponseHandler, TimerOwner {
  private let loop: EventLoop
  private let address: SocketAddress
  private var connector: Connector?
  private var connection: ClientConnection?
  private var timer: LoopTimer?
  private var problem: String? = "no answer within 5 seconds"

  init(of address: SocketAddress) throws(SystemError) {
    self.address = address
    loop = try EventLoop(kernel: LinuxKernel(), eventsPerWait: 8)
  }

  func run() -> Int32 {
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
    if let problem { say("weir: \(address): \(problem)") }
    return problem == nil ? 0 : 1
  }

  private func ask(over socket: ConnectedSocket) {
    let stream = ByteStream(connected: socket, on: loop, tls: nil)
    let connection = ClientConnection(
      stream, to: address, headLimitBytes: 16 << 10, scratch: PayloadScratch())
    self.connection = connection
    connection.begin(self, isHEAD: false)
    var writer = HeadWriter()
    writer.requestLine(method: "GET", target: "/readyz")
    writer.field("Host", "localhost")
    writer.end()
    let request = writer.bytes
    connection.send(request.span)
  }

  private func end(_ problem: String?) {
    self.problem = problem
    loop.stop()
  }

  func timerFired(_ timer: LoopTimer) { loop.stop() }
  func responseHead(_ head: ResponseHead) {
    end(head.status == 200 ? nil : "not ready: status \(head.status)")
  }
  func responseFailed(_ failure: ResponseFailure) { end("the answer was no answer: \(failure)") }
  func responseBody(_ wire: Span<UInt8>, payload: [Range<Int>]) {}
  func responseEnded() {}
  func responseReadEnded() {}
  func upstreamDrained() {}
}
