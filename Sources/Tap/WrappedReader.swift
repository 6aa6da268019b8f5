// Bedrock's InvokeModel sends a model's own events as Base64 inside JSON.

internal import Wire

/// Decodes and scans one wrapped event after another. Few streams have such: an object, so that the
/// others need no room for it.
final class WrappedReader {
  private var decoder = Base64Decoder()
  private var scanner = JSONScanner(Dialect.bedrockModel.stream)
  private var decoded: [UInt8] = []
  private var isBroken = false

  /// Takes a piece of the Base64 text; findings go to `interpreter`.
  func read(
    _ text: Span<UInt8>, _ interpreter: inout EventInterpreter, _ memory: borrowing StreamMemory
  ) {
    guard !isBroken else { return }
    var start = 0
    // A read of any size is decoded in steps, so that the buffer stays small.
    while start < text.count {
      let end = min(text.count, start + 1024)
      decode(text.extracting(start..<end))
      start = end
      let piece = decoded
      var position = 0
      while let match = scanner.next(piece.span, from: &position) {
        interpreter.take(match, from: scanner, memory)
      }
    }
  }

  private func decode(_ text: Span<UInt8>) {
    decoded.removeAll(keepingCapacity: true)
    do throws(Base64Decoder.Failure) {
      try decoder.decode(text, into: &decoded)
    } catch {
      isBroken = true
    }
  }

  func reset() {
    decoder = Base64Decoder()
    scanner.reset()
    isBroken = false
  }
}
