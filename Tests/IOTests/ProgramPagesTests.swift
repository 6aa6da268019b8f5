// Goal: letting go of the program's pages loses nothing. Method: let go of them, in this process,
// and go on: the next instruction comes from such a page, and so does whatever the test calls.

import IO
import Testing

@Suite("The program's own pages")
struct ProgramPagesTests {
  @Test("come back when they are used, as they were")
  func comeBack() {
    for _ in 0..<3 {
      ProgramPages.forgetStart()
      #expect((1...100).map { "\($0)" }.joined().count == 192)
    }
  }
}
