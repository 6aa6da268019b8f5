// The settings of many sessions, loaded once: versions, ciphers, certificates, trusted authorities.

internal import CSystem

/// How sessions of one kind are made. Shared by all loops.
///
/// Reads its files when it is made and never again. Loading the system's authorities costs about
/// 21 ms, so a context is made at start and at reload, not per connection.
package final class TLSContext: Sendable {
  // Set up before the initialiser returns; from then on OpenSSL counts its references atomically
  // and locks what sessions on several threads share.
  nonisolated(unsafe) let pointer: OpaquePointer

  /// The client's setting that stands above a URL's host.
  let serverNameOverride: String?

  /// When the certificate that this side shows expires, in seconds since 1970; nil without one.
  package let certificateExpiry: UInt64?

  /// Throws a `settings` error that names the file at fault.
  package init(client options: TLSClientOptions) throws(TLSError) {
    pointer = try Self.makePointer(TLS_client_method())
    serverNameOverride = options.serverName
    do throws(TLSError) {
      try Self.trust(options.caFile, in: pointer)
      if let certificate = options.certificateFile {
        try Self.show(certificate, keyFile: options.keyFile ?? certificate, in: pointer)
      } else if options.keyFile != nil {
        throw TLSError(.settings, "a client key is set without a client certificate")
      }
      SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
      try Self.offerHTTP1(in: pointer)
    } catch {
      SSL_CTX_free(pointer)
      throw error
    }
    // Sessions go to the origin's own cache alone: the context's would be shared between loops,
    // and would be locked.
    weir_ssl_ctx_set_session_cache_mode(
      pointer, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE))
    SSL_CTX_sess_set_new_cb(pointer, keepNewSession)
    certificateExpiry = Self.expiry(in: pointer)
  }

  /// Throws a `settings` error that names the file at fault.
  package init(server options: TLSServerOptions) throws(TLSError) {
    pointer = try Self.makePointer(TLS_server_method())
    serverNameOverride = nil
    do throws(TLSError) {
      try Self.show(options.certificateFile, keyFile: options.keyFile, in: pointer)
      if let file = options.clientCAFile { try Self.requireClients(signedBy: file, in: pointer) }
    } catch {
      SSL_CTX_free(pointer)
      throw error
    }
    // Clients resume by tickets, which cost the server no memory. The context's name keeps a
    // ticket of another service that shares our certificate from being taken for one of ours.
    weir_ssl_ctx_set_session_cache_mode(pointer, Int(SSL_SESS_CACHE_OFF))
    let name = Array("weir".utf8)
    SSL_CTX_set_session_id_context(pointer, name, UInt32(name.count))
    SSL_CTX_set_alpn_select_cb(pointer, selectHTTP1, nil)
    certificateExpiry = Self.expiry(in: pointer)
  }

  deinit { SSL_CTX_free(pointer) }
}

// MARK: - What both sides share

extension TLSContext {
  /// Mozilla's intermediate profile without its finite-field (DHE) suites, which no server needs
  /// that also speaks ECDHE: https://wiki.mozilla.org/Security/Server_Side_TLS, version 5.7.
  private static let ciphers = """
    ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:\
    ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:\
    ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305
    """
  private static let ciphersTLS13 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
  private static let groups = "X25519:P-256:P-384"

  private static func makePointer(_ method: OpaquePointer?) throws(TLSError) -> OpaquePointer {
    ERR_clear_error()
    guard let pointer = SSL_CTX_new(method) else { throw .settings("TLS cannot be set up") }
    // Set whatever the system's openssl.cnf says, which may be laxer or name suites of its own.
    // Level 2 refuses RSA keys under 2048 bits and signatures over SHA-1.
    SSL_CTX_set_security_level(pointer, 2)
    guard weir_ssl_ctx_set_min_version(pointer, TLS1_2_VERSION) == 1,
      weir_ssl_ctx_set_max_version(pointer, 0) == 1,
      SSL_CTX_set_cipher_list(pointer, ciphers) == 1,
      SSL_CTX_set_ciphersuites(pointer, ciphersTLS13) == 1,
      weir_ssl_ctx_set_groups(pointer, groups) == 1
    else {
      SSL_CTX_free(pointer)
      throw .settings("TLS 1.2 and 1.3 cannot be set up")
    }
    SSL_CTX_set_options(pointer, weir_ssl_op_no_compression | weir_ssl_op_no_renegotiation)
    weir_ssl_ctx_set_mode(pointer, Int(SSL_MODE_RELEASE_BUFFERS))
    return pointer
  }

  /// Loads the certificate and key that this side shows.
  private static func show(
    _ certificateFile: String, keyFile: String, in pointer: OpaquePointer
  ) throws(TLSError) {
    guard SSL_CTX_use_certificate_chain_file(pointer, certificateFile) == 1 else {
      throw .settings("certificate file \(certificateFile)")
    }
    var isEncrypted = false
    let isLoaded = withUnsafeMutablePointer(to: &isEncrypted) { isEncrypted in
      SSL_CTX_set_default_passwd_cb(pointer, refusePassphrase)
      SSL_CTX_set_default_passwd_cb_userdata(pointer, isEncrypted)
      defer { SSL_CTX_set_default_passwd_cb_userdata(pointer, nil) }
      return SSL_CTX_use_PrivateKey_file(pointer, keyFile, SSL_FILETYPE_PEM) == 1
        && SSL_CTX_check_private_key(pointer) == 1
    }
    guard isLoaded else {
      let error = TLSError.settings("key file \(keyFile)")
      guard isEncrypted else { throw error }
      throw TLSError(.settings, "key file \(keyFile): is encrypted; only plain keys can be read")
    }
  }

  /// `notAfter` of the certificate shown; nil without one, or before 1970.
  private static func expiry(in pointer: OpaquePointer) -> UInt64? {
    guard let certificate = SSL_CTX_get0_certificate(pointer), let epoch = ASN1_TIME_set(nil, 0)
    else { return nil }
    defer { ASN1_TIME_free(epoch) }
    var days: Int32 = 0
    var seconds: Int32 = 0
    guard ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(certificate)) == 1
    else { return nil }
    return UInt64(exactly: Int64(days) * 86_400 + Int64(seconds))
  }
}

// MARK: - Clients

extension TLSContext {
  private static func trust(_ caFile: String?, in pointer: OpaquePointer) throws(TLSError) {
    guard let caFile else {
      guard SSL_CTX_set_default_verify_paths(pointer) == 1 else {
        throw .settings("the system's certificate authorities")
      }
      return
    }
    guard SSL_CTX_load_verify_file(pointer, caFile) == 1 else {
      throw .settings("CA file \(caFile)")
    }
  }

  private static func offerHTTP1(in pointer: OpaquePointer) throws(TLSError) {
    let protocols = [UInt8(http1.count)] + http1
    // Unlike its siblings, this call answers 0 for success.
    guard SSL_CTX_set_alpn_protos(pointer, protocols, UInt32(protocols.count)) == 0 else {
      throw .settings("ALPN cannot be set up")
    }
  }
}

// MARK: - Servers

extension TLSContext {
  private static func requireClients(
    signedBy caFile: String, in pointer: OpaquePointer
  ) throws(TLSError) {
    guard SSL_CTX_load_verify_file(pointer, caFile) == 1,
      let names = SSL_load_client_CA_file(caFile)
    else { throw .settings("client CA file \(caFile)") }
    SSL_CTX_set_client_CA_list(pointer, names)
    SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
  }
}

private let http1 = Array("http/1.1".utf8)

/// Answers ALPN (RFC 7301) with http/1.1 if the client offers it, else as if ALPN were not spoken:
/// clients that insist on something else then learn it from the answer, not from an alert.
private func selectHTTP1(
  ssl: OpaquePointer?, selected: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
  selectedCount: UnsafeMutablePointer<UInt8>?, offered: UnsafePointer<UInt8>?,
  offeredCount: UInt32, argument: UnsafeMutableRawPointer?
) -> Int32 {
  let names = UnsafeBufferPointer(start: offered, count: Int(offeredCount))
  var index = 0
  while index < names.count {
    let name = names[(index + 1)...].prefix(Int(names[index]))
    if name.elementsEqual(http1) {
      selected?.pointee = offered.map { $0 + index + 1 }
      selectedCount?.pointee = UInt8(name.count)
      return SSL_TLSEXT_ERR_OK
    }
    index += 1 + Int(names[index])
  }
  return SSL_TLSEXT_ERR_NOACK
}

/// Notes that a key is encrypted. Without this OpenSSL would stop and ask the terminal.
private func refusePassphrase(
  buffer: UnsafeMutablePointer<CChar>?, capacity: Int32, isForWriting: Int32,
  isEncrypted: UnsafeMutableRawPointer?
) -> Int32 {
  isEncrypted?.assumingMemoryBound(to: Bool.self).pointee = true
  return -1
}
