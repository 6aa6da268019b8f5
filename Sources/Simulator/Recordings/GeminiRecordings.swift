// Gemini's generateContent: server-sent events with CRLF, a JSON array that is a stream, and a
// plain body. Usage is cumulative in each element.

enum GeminiRecordings {
  static let all = [events, array, plain]

  static let events = Recording(
    name: "gemini/text.sse", contentType: "text/event-stream",
    body: Array(elements.map { "data: \($0)\r\n\r\n" }.joined().utf8))

  static let array = Recording(
    name: "gemini/text-array.json", contentType: "application/json; charset=UTF-8",
    body: Array(("[" + elements.joined(separator: "\n,\r\n") + "\n]\n").utf8), isStream: true)

  static let plain = Recording(
    name: "gemini/text.json", contentType: "application/json; charset=UTF-8",
    body: Array(element(SimulatedText.tokens[...], upTo: count, isLast: true).utf8))

  private static let count = SimulatedText.tokens.count
  private static let tokensPerElement = 4

  private static var elements: [String] {
    stride(from: 0, to: count, by: tokensPerElement).map { start in
      let end = min(start + tokensPerElement, count)
      return element(SimulatedText.tokens[start..<end], upTo: end, isLast: end == count)
    }
  }

  private static func element(_ tokens: ArraySlice<String>, upTo end: Int, isLast: Bool) -> String {
    let finish = isLast ? #","finishReason": "STOP""# : ""
    return #"{"candidates": [{"content": {"parts": [{"text": "\#(tokens.joined())"}],"#
      + #""role": "model"}\#(finish),"index": 0}],"usageMetadata": {"#
      + #""promptTokenCount": \#(SimulatedText.promptTokens),"candidatesTokenCount": \#(end),"#
      + #""totalTokenCount": \#(SimulatedText.promptTokens + end)},"#
      + #""modelVersion": "gemini-2.0-flash","responseId": "simulated1"}"#
  }
}
