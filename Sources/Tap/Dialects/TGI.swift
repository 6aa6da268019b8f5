// Hugging Face's Text Generation Inference, its own interface: an event for each token.

extension Dialect {
  /// https://huggingface.co/docs/text-generation-inference/reference/api_reference
  static let tgi = Dialect(
    .tgi, operation: .textCompletion, provider: .tgi,
    stream: [
      Path("token", .part), Path("token.text", .text), Path("token.special", .isSpecial),
    ] + tgiDetails,
    body: [Path("generated_text", .text), Path("[].generated_text", .text)] + tgiDetails,
    terminals: [Terminal("generated_text", "generated_text")], signature: "token.id")

  private static let tgiDetails: [Path] = [
    Path("details.finish_reason", .finishReason),
    Path("details.input_length", .inputTokens), Path("details.generated_tokens", .outputTokens),
  ]
}
