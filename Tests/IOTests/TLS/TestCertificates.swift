// Certificates for the tests, made by the `openssl` command when a test first needs them, so that
// the repository holds no keys and nothing in it expires.

import Foundation
import Synchronization

/// Two authorities and what they signed, as PEM files. Keys are P-256.
struct TestCertificates: Sendable {
  struct Identity: Sendable {
    let certificate: String
    let key: String
  }

  let authority: String
  let otherAuthority: String
  /// Signed by `authority` for `weir.test`, `*.wild.test`, 127.0.0.1 and ::1; valid for 30 days.
  let server: Identity
  /// As `server`, but valid until yesterday.
  let expired: Identity
  /// Signed by an intermediate of `authority`, which its file holds too.
  let chained: Identity
  let client: Identity
  /// Signed by `otherAuthority`.
  let strangeClient: Identity
  /// The key of `server` under a passphrase.
  let encryptedKey: String
  /// A file that is there and is no PEM.
  let garbage: String

  /// Nil if there is no `openssl` command or it failed.
  static let shared: TestCertificates? = try? TestCertificates()
  static let absence = "needs the openssl command, to make certificates"

  private init() throws {
    let maker = try Maker()
    let names = "DNS:weir.test,DNS:*.wild.test,IP:127.0.0.1,IP:::1"
    authority = try maker.authority("authority")
    otherAuthority = try maker.authority("other")
    server = try maker.identity("server", names: names, signer: "authority")
    expired = try maker.identity("expired", names: names, signer: "authority", days: -1)
    client = try maker.identity("client", names: "DNS:client.test", signer: "authority")
    strangeClient = try maker.identity("strange", names: "DNS:client.test", signer: "other")
    chained = try maker.chained("chained", names: names, signer: "authority")
    encryptedKey = maker.file("encrypted.key")
    try maker.openssl([
      "ec", "-in", server.key, "-aes128", "-passout", "pass:secret", "-out", encryptedKey,
    ])
    garbage = maker.file("garbage.pem")
    try Data("no certificate\n".utf8).write(to: URL(fileURLWithPath: garbage))
  }
}

/// Runs the `openssl` command in a directory of its own, removed when the process exits.
private struct Maker {
  struct Failed: Error {}

  private let directory: String

  init() throws {
    directory = FileManager.default.temporaryDirectory.path + "/weir-tls-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    directoryToRemove.withLock { $0 = directory }
    atexit { directoryToRemove.withLock { try? FileManager.default.removeItem(atPath: $0) } }
  }

  func file(_ name: String) -> String { "\(directory)/\(name)" }

  func authority(_ name: String) throws -> String {
    try openssl(
      ["req", "-x509", "-days", "30", "-subj", "/CN=\(name)", "-out", file("\(name).pem")]
        + newKey(name))
    return file("\(name).pem")
  }

  func identity(
    _ name: String, names: String, signer: String, days: Int = 30
  ) throws -> TestCertificates.Identity {
    let extensions = ["basicConstraints=critical,CA:FALSE", "subjectAltName=\(names)"]
    return try sign(name, extensions: extensions, signer: signer, days: days)
  }

  func chained(
    _ name: String, names: String, signer: String
  ) throws -> TestCertificates.Identity {
    let middle = "\(name)-middle"
    let middleIdentity = try sign(
      middle, extensions: ["basicConstraints=critical,CA:TRUE"], signer: signer, days: 30)
    let leaf = try identity(name, names: names, signer: middle)
    let chain = try [leaf.certificate, middleIdentity.certificate]
      .map { try String(contentsOfFile: $0, encoding: .utf8) }.joined()
    try chain.write(toFile: leaf.certificate, atomically: true, encoding: .utf8)
    return leaf
  }

  private func sign(
    _ name: String, extensions: [String], signer: String, days: Int
  ) throws -> TestCertificates.Identity {
    let request = file("\(name).csr")
    try openssl(
      ["req", "-new", "-subj", "/CN=\(name)", "-out", request]
        + extensions.flatMap { ["-addext", $0] } + newKey(name))
    try openssl([
      "x509", "-req", "-in", request, "-CA", file("\(signer).pem"), "-CAkey", file("\(signer).key"),
      "-days", "\(days)", "-copy_extensions", "copyall", "-out", file("\(name).pem"),
    ])
    return TestCertificates.Identity(
      certificate: file("\(name).pem"), key: file("\(name).key"))
  }

  private func newKey(_ name: String) -> [String] {
    [
      "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
      file("\(name).key"),
    ]
  }

  /// By the shell, and not by Foundation's Process, whose weak references the leak checker reports.
  func openssl(_ arguments: [String]) throws {
    let quoted = arguments.map { "'" + $0.replacingOccurrences(of: "'", with: "'\\''") + "'" }
    let command = (["openssl"] + quoted).joined(separator: " ")
    guard system("\(command) </dev/null >/dev/null 2>&1") == 0 else { throw Failed() }
  }
}

// Global, because the exit handler may capture nothing.
private let directoryToRemove = Mutex("")
