// The kinds of value that name peers and headers, and secrets.

internal import IO

/// Where an upstream is: what a URL of settings may say, and nothing more.
struct UpstreamURL: Hashable, Sendable, CustomStringConvertible {
  enum Scheme: String, Sendable {
    case http, https
  }

  let scheme: Scheme
  /// A name or a numeric address, without the brackets of IPv6.
  let host: String
  let port: UInt16
  /// Goes before what is left of the request's path; empty or beginning with `/`, never ending
  /// with one.
  let path: String

  /// The value of `Host`: the port only where it is not the scheme's own.
  var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == defaultPort ? name : "\(name):\(port)"
  }

  private var defaultPort: UInt16 { scheme == .https ? 443 : 80 }

  var description: String { "\(scheme.rawValue)://\(authority)\(path)" }

  init(_ text: String) throws(SettingRefusal) {
    guard let separator = text.firstRange(of: "://"),
      let scheme = Scheme(rawValue: text[..<separator.lowerBound].lowercased())
    else { throw SettingRefusal("does not begin with http:// or https://") }
    let rest = text[separator.upperBound...]
    let authority = rest.prefix { $0 != "/" }
    guard !authority.contains("@") else {
      throw SettingRefusal(
        "carries credentials; set a header on the route instead", hidesValue: true)
    }
    guard !rest.contains("?") && !rest.contains("#") else {
      throw SettingRefusal("has a query or a fragment", hidesValue: true)
    }
    guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw SettingRefusal("holds a space or a sign that URLs must escape")
    }
    let path = rest[authority.endIndex...]
    self.scheme = scheme
    self.path = path.hasSuffix("/") ? String(path.dropLast()) : String(path)
    (host, port) = try Self.split(authority, defaultPort: scheme == .https ? 443 : 80)
  }

  private static func split(
    _ authority: Substring, defaultPort: UInt16
  ) throws(SettingRefusal) -> (host: String, port: UInt16) {
    let isBracketed = authority.hasPrefix("[")
    let bracket = isBracketed ? authority.firstIndex(of: "]") : authority.startIndex
    let colon = authority[(bracket ?? authority.endIndex)...].firstIndex(of: ":")
    let host = authority[..<(colon ?? authority.endIndex)]
    let digits = colon.map { authority[authority.index(after: $0)...] }
    let port = digits.map { wholeNumber($0).flatMap(UInt16.init(exactly:)) ?? 0 } ?? defaultPort
    guard port > 0 else {
      throw SettingRefusal("has a port that is none")
    }
    if isBracketed {
      let address = String(host.dropFirst().dropLast())
      guard host.hasSuffix("]"), SocketAddress(numericHost: address, port: 0)?.isIPv6 == true
      else { throw SettingRefusal("has no IPv6 address between its brackets") }
      return (address, port)
    }
    guard Self.isHostName(host) else { throw SettingRefusal("has no host, or one that is no name") }
    return (String(host), port)
  }

  static func isHostName(_ name: Substring) -> Bool {
    (1...253).contains(name.utf8.count)
      && name.utf8.allSatisfy { $0.isASCIIAlphanumeric || "-._".utf8.contains($0) }
      && !name.hasPrefix(".") && !name.hasPrefix("-")
  }
}

/// A value that nothing may show. Only whoever asks for `bytes` gets it.
struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  let bytes: [UInt8]

  var description: String { "***" }
  var debugDescription: String { "***" }
  var customMirror: Mirror { Mirror(self, children: [Mirror.Child]()) }
}

extension SettingKind where Value == UpstreamURL {
  static var url: Self {
    Self(
      name: "a URL", allowed: "https://HOST, http://HOST, each with a port and a path if wanted",
      parse: { scalar throws(SettingRefusal) in
        guard let text = scalar.string else { throw SettingRefusal() }
        return try UpstreamURL(text)
      },
      spell: { quoted($0.description) })
  }
}

extension SettingKind where Value == SocketAddress {
  static var address: Self {
    Self(
      name: "an address",
      allowed: "127.0.0.1:9346, [::1]:9346, :9346 (every interface), or unix:/path",
      parse: { scalar throws(SettingRefusal) in
        guard let address = scalar.string.flatMap(SocketAddress.init(listening:)) else {
          throw SettingRefusal()
        }
        return address
      },
      spell: { quoted($0.description) })
  }
}

extension SettingKind where Value == SocketAddress? {
  static var addressOrOff: Self { SettingKind<SocketAddress>.address.or("off") }
}

extension SettingKind where Value == String {
  static var hostName: Self {
    Self(
      name: "a host name", allowed: "a host name such as api.example.com, or an IP address",
      parse: { scalar throws(SettingRefusal) in
        guard let text = scalar.string else { throw SettingRefusal() }
        let isAddress = SocketAddress(numericHost: text, port: 0) != nil
        guard isAddress || UpstreamURL.isHostName(text[...]) else { throw SettingRefusal() }
        return text
      },
      spell: { quoted($0) })
  }

  /// The beginning of a request's path.
  static var pathPrefix: Self {
    Self(
      name: "a path prefix", allowed: "a path that begins with '/', without a query",
      parse: { scalar throws(SettingRefusal) in
        guard let text = scalar.string else { throw SettingRefusal() }
        guard text.hasPrefix("/") else { throw SettingRefusal("does not begin with '/'") }
        guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
          throw SettingRefusal("holds a space or a sign that paths must escape")
        }
        guard !text.contains("?") && !text.contains("#") else {
          throw SettingRefusal("has a query or a fragment")
        }
        return text
      },
      spell: { quoted($0) })
  }

  /// A field name (RFC 9110 §5.1). With `rewritable` those are refused that the relay itself has
  /// to set right, since a wrong one would let two parsers read a request differently.
  static func headerName(rewritable: Bool) -> Self {
    Self(
      name: "a header name", allowed: "letters, digits and !#$%&'*+-.^_`|~",
      parse: { scalar throws(SettingRefusal) in
        guard let text = scalar.string else { throw SettingRefusal() }
        guard isFieldName(text) else { throw SettingRefusal() }
        if rewritable && ownedFields.contains(text.lowercased()) {
          throw SettingRefusal("is a header that weir sets itself")
        }
        return text
      },
      spell: { quoted($0) })
  }

  /// A key of `prices`, `weights` or `overrides`: taken as it is.
  static var plain: Self {
    Self(
      name: "a text", allowed: "any text that is not empty",
      parse: { scalar throws(SettingRefusal) in
        guard let text = scalar.string, !text.isEmpty else { throw SettingRefusal("is empty") }
        return text
      },
      spell: { quoted($0) })
  }
}

/// A token of RFC 9110 §5.6.2.
func isFieldName(_ text: String) -> Bool {
  !text.isEmpty
    && text.utf8.allSatisfy { $0.isASCIIAlphanumeric || "!#$%&'*+-.^_`|~".utf8.contains($0) }
}

private let ownedFields: Set<String> = [
  "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te",
  "trailer", "transfer-encoding", "upgrade",
]

extension SettingKind where Value == Secret {
  /// A field value (RFC 9110 §5.5): no control character, so that none can begin a new header.
  static var headerValue: Self {
    Self(
      name: "a header value",
      allowed: "a string without control characters, ${NAME} in it, or file:PATH",
      isSecret: true,
      parse: { scalar throws(SettingRefusal) in
        guard let text = scalar.string else { throw SettingRefusal() }
        let bytes = Array(text.utf8)
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == UInt8(ascii: "\t") }) else {
          throw SettingRefusal("holds a control character, such as a line break")
        }
        guard let first = bytes.first, let last = bytes.last else {
          throw SettingRefusal("is empty")
        }
        guard first > 0x20 && last > 0x20 else {
          throw SettingRefusal("begins or ends with a blank")
        }
        return Secret(bytes: bytes)
      },
      spell: { _ in quoted("***") })
  }
}
