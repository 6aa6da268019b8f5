// How a test ends its world: with nothing left over.

internal import RelayWorld
internal import Testing

extension RelayHarness {
  /// Ends all peers, and asserts that nothing is left of what they began.
  func close(_ location: SourceLocation = #_sourceLocation) {
    #expect(end() == [], "\(world)", sourceLocation: location)
  }
}
