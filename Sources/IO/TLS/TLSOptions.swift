// What a user may choose about TLS. What is not here cannot be chosen: certificates are always
// verified, and nothing older than TLS 1.2 is spoken.

/// How weir calls an upstream.
package struct TLSClientOptions: Sendable, Equatable {
  /// PEM file of the only authorities to trust; nil for the system's, or those that the variables
  /// `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
  package var caFile: String?
  /// PEM chain, leaf first, shown to an upstream that asks for a certificate.
  package var certificateFile: String?
  /// PEM key of `certificateFile`, without a passphrase; nil if that file holds the key as well.
  package var keyFile: String?
  /// The name to ask for and to verify instead of the URL's host.
  package var serverName: String?

  package init(
    caFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil,
    serverName: String? = nil
  ) {
    self.caFile = caFile
    self.certificateFile = certificateFile
    self.keyFile = keyFile
    self.serverName = serverName
  }
}

/// How weir answers its clients.
package struct TLSServerOptions: Sendable, Equatable {
  /// PEM chain, leaf first.
  package var certificateFile: String
  /// PEM key of `certificateFile`, without a passphrase.
  package var keyFile: String
  /// PEM file of authorities, one of which must have signed each client's certificate; nil to let
  /// clients in without one.
  package var clientCAFile: String?

  package init(certificateFile: String, keyFile: String, clientCAFile: String? = nil) {
    self.certificateFile = certificateFile
    self.keyFile = keyFile
    self.clientCAFile = clientCAFile
  }
}
