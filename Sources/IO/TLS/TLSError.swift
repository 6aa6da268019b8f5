// What goes wrong in TLS, in OpenSSL's own words, sorted by what a reader of the log can do about it.

internal import CSystem
internal import Glibc

/// A session that cannot go on, or a context that could not be made.
package struct TLSError: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Kind: Sendable {
    /// A file cannot be read or does not fit, or a name cannot be used; the message says which.
    case settings
    /// The two sides found no common ground, or the peer does not speak TLS.
    case handshake
    /// One side refused the other's certificate: chain, name, dates, or none shown at all.
    case certificate
    /// The peer broke the protocol, or sent a fatal alert, after the handshake.
    case protocolViolation
    /// The session, or the peer during the handshake, had already closed.
    case closed
  }

  package let kind: Kind
  /// OpenSSL's reason and what is known around it. Holds file names and server names, no secrets.
  package let message: String

  package init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  /// `tls: certificate verify failed: hostname mismatch (wanted api.example)`.
  package var description: String { "tls: \(message)" }
}

// MARK: - OpenSSL's error queue

extension TLSError {
  /// Empties this thread's error queue into one settings error: `certificate file x.pem: why`.
  static func settings(_ subject: String) -> TLSError {
    TLSError(.settings, "\(subject): \(takeReason()?.text ?? "refused by OpenSSL")")
  }

  /// Empties this thread's error queue into the reason why `ssl` failed.
  ///
  /// - Parameter wantedName: The name that a client verifies; nil in a server.
  static func failure(
    of ssl: OpaquePointer, whileHandshaking: Bool, wantedName: String?
  ) -> TLSError {
    let fallback: Kind = whileHandshaking ? .handshake : .protocolViolation
    guard let reason = takeReason() else {
      return TLSError(fallback, "OpenSSL gave no reason")
    }
    switch reason.code {
    case SSL_R_CERTIFICATE_VERIFY_FAILED where reason.isOfSSL:
      return TLSError(.certificate, "\(reason.text): \(verdict(of: ssl, on: wantedName))")
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE where reason.isOfSSL:
      return TLSError(.certificate, reason.text)
    case let code where reason.isOfSSL && code > SSL_AD_REASON_OFFSET:
      let kind = isAboutCertificates(alert: code - SSL_AD_REASON_OFFSET) ? .certificate : fallback
      return TLSError(kind, "the peer refused: \(reason.text)")
    default:
      return TLSError(fallback, reason.text)
    }
  }

  /// What verification found, and for the two common cases what to look at.
  private static func verdict(of ssl: OpaquePointer, on wantedName: String?) -> String {
    let code = SSL_get_verify_result(ssl)
    let text = String(cString: X509_verify_cert_error_string(code))
    guard let wantedName else { return text }
    switch Int32(truncatingIfNeeded: code) {
    case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "\(text) (wanted \(wantedName))"
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
      X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "\(text) (a private authority is trusted by naming it in ca_file)"
    default:
      return text
    }
  }

  /// RFC 8446 §6.2: bad_certificate to certificate_unknown, unknown_ca, certificate_required.
  private static func isAboutCertificates(alert: Int32) -> Bool {
    (42...46).contains(alert) || alert == 48 || alert == 116
  }
}

private struct Reason {
  var code: Int32
  /// `code` is one of libssl's, rather than of another library with the same number.
  var isOfSSL: Bool
  var text: String
}

/// The oldest error of this thread's queue, which is the cause of the later ones; empties the queue.
private func takeReason() -> Reason? {
  let packed = ERR_get_error()
  ERR_clear_error()
  guard packed != 0 else { return nil }
  let code = ERR_GET_REASON(packed)
  if ERR_GET_LIB(packed) == ERR_LIB_SYS {
    return Reason(code: code, isOfSSL: false, text: String(cString: strerror(code)))
  }
  let text = ERR_reason_error_string(packed).map { String(cString: $0) } ?? "error \(packed)"
  return Reason(code: code, isOfSSL: ERR_GET_LIB(packed) == ERR_LIB_SSL, text: text)
}
