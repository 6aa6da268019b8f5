// Goal: settings that cannot work are refused with the file at fault, and no setting weakens what is
// promised. Method: contexts made of good and bad files.

import CSystem
import Foundation
import Testing

@testable import IO

@Suite(.enabled(if: TestCertificates.shared != nil, "\(TestCertificates.absence)"))
struct TLSContextTests {
  let certificates: TestCertificates

  init() throws { certificates = try TestCertificates.require() }

  private func serverError(
    certificate: String? = nil, key: String? = nil, clientCA: String? = nil
  ) -> TLSError? {
    #expect(throws: TLSError.self) {
      try TLSContext(
        server: TLSServerOptions(
          certificateFile: certificate ?? certificates.server.certificate,
          keyFile: key ?? certificates.server.key, clientCAFile: clientCA))
    }
  }

  private func clientError(_ options: TLSClientOptions) -> TLSError? {
    #expect(throws: TLSError.self) { try TLSContext(client: options) }
  }

  @Test func missingFilesAreNamed() {
    let absent = "/nowhere/absent.pem"
    let errors = [
      serverError(certificate: absent), serverError(key: absent), serverError(clientCA: absent),
      clientError(TLSClientOptions(caFile: absent)),
      clientError(TLSClientOptions(certificateFile: absent)),
    ]
    for error in errors {
      #expect(error?.kind == .settings)
      #expect(error?.message.hasSuffix("file \(absent): No such file or directory") == true)
    }
  }

  @Test func filesThatAreNoPEMAreNamed() {
    let garbage = certificates.garbage
    let errors = [
      serverError(certificate: garbage), serverError(key: garbage), serverError(clientCA: garbage),
      clientError(TLSClientOptions(caFile: garbage)),
    ]
    for error in errors {
      #expect(error?.kind == .settings)
      #expect(error?.message.contains("file \(garbage): ") == true)
      #expect(error?.message.contains("refused by OpenSSL") == false)
    }
  }

  @Test func aKeyOfAnotherCertificateIsRefused() {
    let key = certificates.client.key
    #expect(
      serverError(key: key) == TLSError(.settings, "key file \(key): key values mismatch"))
  }

  /// Nobody is at the terminal to type a passphrase.
  @Test func anEncryptedKeyIsRefusedWithoutAsking() {
    let key = certificates.encryptedKey
    #expect(
      serverError(key: key)
        == TLSError(.settings, "key file \(key): is encrypted; only plain keys can be read"))
  }

  @Test func aKeyWithoutACertificateIsRefused() {
    #expect(clientError(TLSClientOptions(keyFile: certificates.client.key))?.kind == .settings)
  }

  @Test func expiryIsTheCertificatesOwn() throws {
    let now = UInt64(Date().timeIntervalSince1970)
    let valid = try #require(try certificates.serverContext().certificateExpiry)
    #expect(valid > now + 29 * 86_400 && valid <= now + 30 * 86_400)
    let expired = try #require(
      try certificates.serverContext(certificates.expired).certificateExpiry)
    #expect(expired < now && expired > now - 2 * 86_400)
    #expect(try certificates.clientContext().certificateExpiry == nil)
  }

  /// Compression tells secrets by its length, and renegotiation costs a server much for little.
  @Test func neitherCompressionNorRenegotiationIsOffered() throws {
    for context in [try certificates.clientContext(), try certificates.serverContext()] {
      let options = SSL_CTX_get_options(context.pointer)
      #expect(options & weir_ssl_op_no_compression != 0)
      #expect(options & weir_ssl_op_no_renegotiation != 0)
    }
  }

  /// Forward secrecy and authenticated encryption in every suite, on both sides.
  @Test func onlyModernSuitesAreOffered() throws {
    for context in [try certificates.clientContext(), try certificates.serverContext()] {
      let ssl = try #require(SSL_new(context.pointer))
      defer { SSL_free(ssl) }
      var names: [String] = []
      while let name = SSL_get_cipher_list(ssl, Int32(names.count)) {
        names.append(String(cString: name))
      }
      #expect(names.count == 9)
      for name in names {
        #expect(name.hasPrefix("ECDHE-") || name.hasPrefix("TLS_"), "\(name)")
        #expect(name.contains("GCM") || name.contains("CHACHA20"), "\(name)")
      }
    }
  }

  @Test func errorsDescribeThemselves() {
    #expect(TLSError(.closed, "why").description == "tls: why")
  }
}
