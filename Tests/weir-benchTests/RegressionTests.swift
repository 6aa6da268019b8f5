// Goal: more instructions than were written down fail the check, and nothing else does. Method: books
// of text, counts near their limits, and callgrind's own words.

import Testing

@testable import weir_bench

@Suite struct RegressionTests {
  @Test func `counts are the same within three percent`() throws {
    let book = try InstructionBook(parsing: "# a comment\nevent 1000\nrequest 50000\n")
    #expect(book.verdict("event", 1029) == .same)
    #expect(book.verdict("event", 1031) == .slower)
    #expect(book.verdict("event", 971) == .same)
    #expect(book.verdict("event", 969) == .faster)
    #expect(book.verdict("tunnel", 1) == .unknown)
    #expect(book.change("event", 1012) == "+1.2 %")
    #expect(book.change("event", 900) == "-10.0 %")
  }

  @Test func `a book reads what it wrote`() throws {
    let text = InstructionBook(["b": 12.4, "a": 7]).text(["a", "b", "c"])
    #expect(text.hasSuffix("\na 7\nb 12\n"))
    #expect(try InstructionBook(parsing: text).counts == ["a": 7, "b": 12])
  }

  @Test(arguments: ["event", "event many", "event -1", "event 1 2"])
  func `a line that is no entry is refused`(line: String) {
    #expect(throws: BenchError.self) { try InstructionBook(parsing: line) }
  }

  @Test func `callgrind's sum is found`() throws {
    let log =
      "==1== Events    : Ir\n==1== Collected : 6478721\n==1== \n==1== I   refs:      6,478,721\n"
    #expect(try Regression.collected(log) == 6_478_721)
    #expect(throws: BenchError.self) { try Regression.collected("weir: no such file\n") }
  }

  @Test func `two lengths differ by whole units`() {
    #expect(Lockstep.bulkEvent.units == 500 * 32)
    #expect(Lockstep.singleEvent.units == 500)
    for kind in Lockstep.allCases { #expect(kind.units > 0 && kind.steps.short > 0) }
  }
}
