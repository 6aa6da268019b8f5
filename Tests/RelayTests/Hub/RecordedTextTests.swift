// Goal: a reader who asks for text gets of every recorded stream the text that a person would see,
// whoever the provider is. Method: each recording through a relay to a socket; as many characters as
// the corpus says.

internal import Connections
internal import FakeKernel
internal import Hub
internal import IO
internal import Relay
internal import RelayWorld
internal import TestSupport
internal import Testing

@Suite struct RecordedTextTests {
  /// All but one: watsonx's events look like Ollama's, and only the request's path tells them apart,
  /// which is not kept.
  private static let recordings = RecordedStream.all.filter {
    $0.file != "other/watsonx-text-stream.sse"
  }

  @Test(.enabled(if: !RecordedStream.all.isEmpty), arguments: recordings)
  func everyCharacter(_ recording: RecordedStream) throws {
    let body = try #require(Corpus.bytes(of: recording.file))
    let stage = try RelayHarness(.keeping())
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked(recording.path))
    stage.settle()
    upstream[0].send(
      "HTTP/1.1 200 OK\r\nContent-Type: \(recording.contentType)\r\n"
        + "Content-Length: \(body.count)\r\n\r\n")
    stage.settle()
    let socket = SocketClient(stage)
    socket.say(#"{"type":"subscribe","stream":"\#(client.streamID)","format":"text"}"#)
    upstream[0].send(body)
    stage.run(for: .seconds(5))
    let messages = try socket.messages()
    let text = messages.compactMap { $0["data"] as? String }.joined()
    #expect(text.unicodeScalars.count == recording.textChars)
    #expect(messages.last?["type"] as? String == "done")
  }
}
