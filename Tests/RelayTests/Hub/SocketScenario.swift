// What tests of the hub's sockets begin with.

internal import Connections
internal import FakeKernel
internal import Hub
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing
internal import Wire

enum SocketScenario {
  static let start =
    #"{"type":"start","id":"a","path":"/v1/x","body":{"stream":true,"n":1.50},"headers":{"Authorization":"Bearer k"}}"#

  static func stage(
    _ options: RelayOptions = .keeping(), loopCount: Int = 1
  ) throws -> (stage: RelayHarness, upstream: ScriptedUpstream) {
    let stage = try RelayHarness(options, loopCount: loopCount)
    return (stage, try stage.upstream())
  }

  /// A socket with one stream, of which three events have come.
  static func streaming(
    _ options: RelayOptions = .keeping(), loopCount: Int = 1
  ) throws -> (stage: RelayHarness, socket: SocketClient, upstream: ScriptedUpstream, id: String) {
    let (stage, upstream) = try stage(options, loopCount: loopCount)
    let socket = SocketClient(stage)
    socket.say(start)
    upstream[0].send(eventHead + chunk(events(3)))
    stage.settle()
    let messages = try socket.messages()
    #expect(messages.map(SocketClient.line) == ["started"] + chunkLines(1...3))
    let id = try #require(messages.first?["stream"] as? String)
    #expect(messages.first?["id"] as? String == "a")
    #expect(messages.dropFirst().allSatisfy { $0["stream"] as? String == id })
    return (stage, socket, upstream, id)
  }
}
