// Somebody who asks for a kept stream to be stopped, with the credential that made it or another.

internal import FakeKernel

final class SeededStopper {
  private let plan: ExchangePlan
  private let isAllowed: Bool
  private let isPeaceful: Bool
  private var peer: FakePeer?
  private var isHeadLate: () -> Bool = { false }

  init(of plan: ExchangePlan, isAllowed: Bool, isPeaceful: Bool) {
    (self.plan, self.isAllowed, self.isPeaceful) = (plan, isAllowed, isPeaceful)
  }

  func ask(for name: String, on stage: RelayHarness) {
    let credential = isAllowed ? plan.credential : "Bearer of another"
    let peer = stage.client(
      "DELETE /weir/streams/\(name) HTTP/1.1\r\nHost: weir\r\nAuthorization: \(credential)\r\n"
        + "Connection: close\r\n\r\n")
    self.peer = peer
    isHeadLate = { stage.isHeadLate(of: peer) }
  }

  var isDone: Bool { peer.map { $0.hasEnded || $0.failure != nil || !$0.isOpen } ?? true }

  /// That the stream goes on if it should, is for its readers to find.
  func check() -> [String] {
    guard let peer else { return [] }
    let text = peer.text
    guard text.contains("\r\n\r\n") else {
      return isPeaceful ? ["who wanted to stop \(plan.number) got \(text)"] : []
    }
    let status = text.dropFirst(9).prefix(3)
    let right = isPeaceful ? ["403"] : ["410", "503", isAllowed ? "204" : "403"]
    if status == "408", !isPeaceful, isHeadLate() { return [] }
    return right.contains(String(status)) ? [] : ["stopping \(plan.number) was answered \(text)"]
  }
}
