// Goal: what a recipe writes of a head is what its maker would have written, and nothing of the head
// that it was made of stays in it.
// Method: heads of one form with other values, written both ways; recipes are searched by reflection.

internal import Testing
internal import Wire

@Suite struct HeadRecipeTests {
  private func head(_ value: String) throws -> RequestHead {
    try RequestHead(
      parsing: Array(
        "GET /v1?k=\(value) HTTP/1.1\r\nX-A: \(value)\r\nHost: a\r\nX-B: \(value)\r\n\r\n".utf8))
  }

  private func forward(_ head: RequestHead, with writer: inout HeadWriter, prefix: String) {
    writer.reset()
    writer.requestLine(of: head, prefix: Array(prefix.utf8), target: head.originTarget)
    for field in head.headers.fields {
      if head.headers.name(field, is: "host") {
        writer.field("Host", "b")
      } else {
        writer.copyLine(of: field, from: head.headers)
      }
    }
    writer.field("X-New", "written")
    writer.end()
  }

  @Test(arguments: ["", "/base"])
  func `a recipe writes what its maker would`(prefix: String) throws {
    var (writer, other) = (HeadWriter(), HeadWriter())
    writer.beginRecipe()
    forward(try head("first"), with: &writer, prefix: prefix)
    let written = writer.bytes
    let recipe = writer.endRecipe(of: try head("first").headers)
    #expect(writer.bytes == written)
    for value in ["first", "other"] {
      let head = try head(value)
      writer.write(recipe, of: head.headers)
      forward(head, with: &other, prefix: prefix)
      #expect(writer.bytes == other.bytes)
    }
  }

  @Test func `what was copied is not kept`() throws {
    var writer = HeadWriter()
    writer.beginRecipe()
    forward(try head("s3cret"), with: &writer, prefix: "")
    let kept = Reflected(writer.endRecipe(of: try head("s3cret").headers))
    #expect(kept.holds("written"))
    #expect(!kept.holds("cret"))
  }

  @Test func `a writer notes nothing once its recipe is made`() throws {
    var (writer, other) = (HeadWriter(), HeadWriter())
    let long = try head("first")
    writer.beginRecipe()
    _ = writer.endRecipe(of: long.headers)
    forward(long, with: &writer, prefix: "")
    writer.beginRecipe()
    forward(long, with: &writer, prefix: "")
    let recipe = writer.endRecipe(of: long.headers)
    writer.write(recipe, of: long.headers)
    forward(long, with: &other, prefix: "")
    #expect(writer.bytes == other.bytes)
  }

  @Test func `a target without a path gets one in front, whatever stands before it`() throws {
    for (target, prefix, line) in [
      ("http://a", "", "GET / HTTP/1.1\r\n"), ("http://a?q", "", "GET /?q HTTP/1.1\r\n"),
      ("http://a?q", "/base", "GET /base?q HTTP/1.1\r\n"), ("/x", "", "GET /x HTTP/1.1\r\n"),
    ] {
      let head = try RequestHead(
        parsing: Array("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
      var writer = HeadWriter()
      writer.requestLine(of: head, prefix: Array(prefix.utf8), target: head.originTarget)
      #expect(String(decoding: writer.bytes, as: UTF8.self) == line)
    }
  }
}
