// Goal: a slip finds the name that was meant, and a different word finds none.

import Testing

@testable import weir

@Test(
  "nearest names",
  arguments: [
    ("upstream", "upstreams"), ("upstraems", "upstreams"), ("drain-timeout", "drain_timeout"),
    ("Listen", "listen"), ("lisetn", "listen"), ("connection", nil), ("x", nil), ("", nil),
    ("drian_dealy", "drain_delay"), ("delay", "drain_delay"), ("--lisetn", "listen"),
    ("lop", "log"),
  ] as [(String, String?)])
func nearest(name: String, expected: String?) {
  let names = ["upstreams", "listen", "drain_timeout", "drain_delay", "log", "tls"]
  #expect(nearestName(to: name, among: names) == expected)
}
