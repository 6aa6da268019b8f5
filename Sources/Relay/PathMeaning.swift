// What a request's path says of it. Paths repeat, so each route remembers the last one's meaning.

internal import Tap

struct PathMeaning {
  let operation: Operation
  /// The model, where the path names one.
  let model: [UInt8]?

  init(_ path: [UInt8]) {
    operation = Operation(path: path)
    model = RequestTap.model(inPath: path)
  }
}

extension ActiveRoute {
  func meaning(of path: [UInt8]) -> PathMeaning {
    if let known = lastMeaning, known.path == path { return known.meaning }
    let meaning = PathMeaning(path)
    // A query may hold a key, and is not to be kept.
    if !path.contains(UInt8(ascii: "?")) { lastMeaning = (path, meaning) }
    return meaning
  }
}
