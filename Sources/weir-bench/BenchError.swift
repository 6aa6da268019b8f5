// What makes a run fail: a wrong byte, a stream that broke, a target that does not start. Figures
// never do.

struct BenchError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
