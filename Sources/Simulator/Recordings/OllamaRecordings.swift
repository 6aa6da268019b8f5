// Ollama's chat: one JSON object a line, or one alone.

enum OllamaRecordings {
  static let all = [chat, plain]

  static let chat = Recording(
    name: "ollama-chat/text.ndjson", contentType: "application/x-ndjson",
    body: Array(
      (SimulatedText.tokens.map { object($0, #""done":false"#) + "\n" }.joined()
        + object("", ending) + "\n").utf8))

  static let plain = Recording(
    name: "ollama-chat/text.json", contentType: "application/json; charset=utf-8",
    body: Array(object(SimulatedText.whole, ending).utf8))

  private static let ending =
    #""done_reason":"stop","done":true,"total_duration":1200000000,"load_duration":20000000,"#
    + #""prompt_eval_count":\#(SimulatedText.promptTokens),"prompt_eval_duration":180000000,"#
    + #""eval_count":\#(SimulatedText.tokens.count),"eval_duration":1000000000"#

  private static func object(_ text: String, _ members: String) -> String {
    #"{"model":"llama3.2","created_at":"2025-01-01T00:00:00.000000Z","#
      + #""message":{"role":"assistant","content":"\#(text)"},\#(members)}"#
  }
}
