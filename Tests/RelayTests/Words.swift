// The words in which tests say what clients ask, what upstream gets and what it answers.

/// `GET path` as a client would ask weir for it, and as the upstream of a scenario gets it.
enum Get {
  static func asked(_ path: String = "/", _ fields: String = "", version: String = "1.1") -> String
  {
    "GET \(path) HTTP/\(version)\r\nHost: weir\r\n\(fields)\r\n"
  }

  static func forwarded(_ path: String = "/", _ fields: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: up.test\r\n\(fields)\r\n"
  }
}

enum Post {
  static func asked(_ body: String, _ fields: String = "", path: String = "/") -> String {
    "POST \(path) HTTP/1.1\r\nHost: weir\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  static func forwarded(_ body: String, _ fields: String = "", path: String = "/") -> String {
    "POST \(path) HTTP/1.1\r\nHost: up.test\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }
}

/// `200 OK` with a body of a stated length.
func ok(_ body: String, _ fields: String = "") -> String {
  "HTTP/1.1 200 OK\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

/// A head that announces chunks.
let chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
