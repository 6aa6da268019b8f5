// One connection's TLS: ciphertext in, plaintext out, and the other way round. It knows no socket
// and no clock; who calls it moves the bytes, and decides how long to wait for them.

internal import CSystem

/// One end of a TLS connection. Confined to the loop whose buffers it was given.
///
/// Every call may leave ciphertext in the buffers' `outgoing`, also when it throws: send it before
/// doing anything else with the connection. After a throw only `outgoing` is of use.
package final class TLSSession {
  package enum Progress: Sendable { case handshaking, established }

  /// What a call to `receive` made of the ciphertext.
  package enum Received: Equatable, Sendable {
    /// This many decrypted bytes, at least 1, at the start of the buffer given.
    case plaintext(Int)
    /// All ciphertext was taken, and no application data came of it yet.
    case needMore
    /// The peer has said that it sends no more (close_notify).
    case closed
  }

  /// The most plaintext that one call to `send` takes.
  package static let sendLimitBytes = 64 * 1024
  /// How much longer than its ciphertext a buffer for plaintext must be: the session may hold up to
  /// one record of earlier calls.
  package static let plaintextSlackBytes = 16 * 1024

  package private(set) var progress = Progress.handshaking
  /// The peer's close_notify has come. A connection that ends without it may have been cut short by
  /// anybody; whether all of a message came is then for the message's own framing to tell.
  package private(set) var isClosedByPeer = false
  /// Why the session cannot go on. Set before an error is thrown, and also where the ciphertext of
  /// one call held good data before the fault: that data is returned, and the next call throws.
  package private(set) var failure: TLSError?

  private let ssl: OpaquePointer
  private let buffers: TLSBuffers
  /// Held here because `ssl` refers to it unretained.
  private let shelf: TLSSessionShelf?
  /// What a client verifies; nil in a server.
  private let wantedName: String?
  private var hasClosed = false

  /// A client's end.
  ///
  /// - Parameters:
  ///   - serverName: Host or IP address without brackets, unless the context's settings name one.
  ///     A host is sent as SNI; both are verified against the certificate.
  ///   - cache: The origin's; nil to make a full handshake, and keep nothing of it.
  package init(
    client context: TLSContext, serverName: String, cache: TLSSessionCache?, buffers: TLSBuffers
  ) throws(TLSError) {
    let name = try Self.verifiableName(context.serverNameOverride ?? serverName)
    self.buffers = buffers
    wantedName = name
    shelf = cache?.shelf(for: name, context: context)
    // An init that throws once every property is set runs deinit too, so this one is set last.
    let ssl = try Self.makeSSL(context, buffers: buffers)
    SSL_set_connect_state(ssl)
    guard Self.require(name, of: ssl) else {
      SSL_free(ssl)
      throw .settings("server name \(name)")
    }
    self.ssl = ssl
    if let shelf {
      SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(shelf).toOpaque())
      shelf.offerNewest(to: ssl)
    }
  }

  /// A server's end.
  package init(server context: TLSContext, buffers: TLSBuffers) throws(TLSError) {
    self.buffers = buffers
    wantedName = nil
    shelf = nil
    ssl = try Self.makeSSL(context, buffers: buffers)
    SSL_set_accept_state(ssl)
  }

  deinit {
    // OpenSSL forbids the resumption of a session whose connection goes without close_notify, a rule
    // that TLS 1.1 dropped (RFC 4346 §7.2.1) and that would empty the cache at every reset.
    if failure == nil { SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN) }
    SSL_set_ex_data(ssl, 0, nil)
    SSL_free(ssl)
  }
}

// MARK: - The life of a connection

extension TLSSession {
  /// Starts a client's handshake: `outgoing` then holds its first flight.
  package func start() throws(TLSError) {
    if let failure { throw failure }
    try handshake()
  }

  /// Takes all of `ciphertext`, in whatever pieces it came, and decrypts what is complete.
  ///
  /// - Parameter plaintext: At least `plaintextSlackBytes` longer than `ciphertext`; may not overlap it.
  package func receive(
    _ ciphertext: UnsafeRawBufferPointer, into plaintext: UnsafeMutableRawBufferPointer
  ) throws(TLSError) -> Received {
    precondition(
      plaintext.count >= ciphertext.count + Self.plaintextSlackBytes,
      "what one call decrypts must fit")
    if let failure { throw failure }
    buffers.channel.pointee.incoming = ciphertext
    defer { buffers.channel.pointee.incoming = UnsafeRawBufferPointer(start: nil, count: 0) }
    if progress == .handshaking {
      try handshake()
      guard progress == .established else { return .needMore }
    }
    let count = decrypt(into: plaintext)
    // A ticket makes OpenSSL ready its buffer for writing, 16 KiB that it would keep until it next
    // writes: for an upstream that sends tickets after the request, as long as the stream lasts.
    if count == 0 || shelf?.takeNews() == true { releaseBuffers() }
    if count > 0 { return .plaintext(count) }
    if let failure { throw failure }
    return isClosedByPeer ? .closed : .needMore
  }

  /// Encrypts `plaintext`, at most `sendLimitBytes`, to the end of `outgoing`.
  ///
  /// Allowed once established, also after the peer has closed its direction.
  package func send(_ plaintext: UnsafeRawBufferPointer) throws(TLSError) {
    precondition(progress == .established, "data may only follow the handshake")
    precondition(plaintext.count <= Self.sendLimitBytes, "data must come in pieces of 64 KiB")
    if let failure { throw failure }
    guard !hasClosed else { throw TLSError(.closed, "this side has closed already") }
    guard !plaintext.isEmpty else { return }
    ERR_clear_error()
    // All or nothing, because partial writes are not enabled.
    guard SSL_write(ssl, plaintext.baseAddress, Int32(plaintext.count)) > 0 else { throw fail() }
  }

  /// Puts close_notify into `outgoing`, once; does nothing before the handshake or after a failure.
  package func close() {
    guard progress == .established, failure == nil, !hasClosed else { return }
    hasClosed = true
    ERR_clear_error()
    SSL_shutdown(ssl)
  }

  /// Gives back OpenSSL's record buffers, which it takes again when it needs them; does nothing while
  /// part of a record is held.
  ///
  /// Sessions do so by themselves after each record of data; what is left are buffers that messages
  /// of the protocol have brought. It costs 80 ns.
  func releaseBuffers() { SSL_free_buffers(ssl) }
}

// MARK: - What was agreed

extension TLSSession {
  package var isEstablished: Bool { progress == .established }

  /// Whether a call has left ciphertext in the buffers' `outgoing`.
  var hasCiphertext: Bool { buffers.channel.pointee.outgoingCount > 0 }

  /// The handshake took up an earlier session, and so no certificates were exchanged.
  package var wasResumed: Bool { SSL_session_reused(ssl) == 1 }

  /// `TLSv1.3` or `TLSv1.2`, once established.
  package var negotiatedProtocol: String { String(cString: SSL_get_version(ssl)) }

  /// What ALPN agreed on, such as `http/1.1`; nil if one side does not speak ALPN.
  package var negotiatedApplicationProtocol: String? {
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    SSL_get0_alpn_selected(ssl, &name, &count)
    guard let name, count > 0 else { return nil }
    return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
  }
}

// MARK: - OpenSSL

extension TLSSession {
  private static func makeSSL(
    _ context: TLSContext, buffers: TLSBuffers
  ) throws(TLSError) -> OpaquePointer {
    ERR_clear_error()
    guard let ssl = SSL_new(context.pointer) else { throw .settings("TLS session") }
    guard let bio = TLSChannel.makeBIO(over: buffers.channel) else {
      SSL_free(ssl)
      throw .settings("TLS session")
    }
    SSL_set_bio(ssl, bio, bio)
    return ssl
  }

  /// `name` without the root's dot, which neither SNI (RFC 6066 §3) nor certificates write.
  ///
  /// An empty name, or one that a C string would cut short, would verify less than was asked for.
  private static func verifiableName(_ name: String) throws(TLSError) -> String {
    let bare = name.hasSuffix(".") ? String(name.dropLast()) : name
    guard !bare.isEmpty, !bare.utf8.contains(0) else {
      throw TLSError(.settings, "server name: empty, or holds a zero byte")
    }
    return bare
  }

  /// Makes `ssl` accept a certificate of `name` alone, and ask for it unless it is an address.
  private static func require(_ name: String, of ssl: OpaquePointer) -> Bool {
    ERR_clear_error()
    if X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1 { return true }
    ERR_clear_error()
    SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
    return SSL_set1_host(ssl, name) == 1 && weir_ssl_set_server_name(ssl, name) == 1
  }

  private func handshake() throws(TLSError) {
    ERR_clear_error()
    let result = SSL_do_handshake(ssl)
    if result == 1 {
      progress = .established
      return
    }
    switch SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ:
      return
    case SSL_ERROR_ZERO_RETURN:
      let closed = TLSError(.closed, "the peer closed during the handshake")
      failure = closed
      throw closed
    default:
      throw fail()
    }
  }

  /// Reads records until the lent ciphertext is used up; returns how many bytes they held.
  private func decrypt(into plaintext: UnsafeMutableRawBufferPointer) -> Int {
    var count = 0
    // Asked only while there is something to read: an empty read would take a 16 KiB record buffer,
    // and keep it on most connections.
    while !buffers.channel.pointee.incoming.isEmpty || SSL_pending(ssl) > 0 {
      // Clearing a queue that is empty frees its sixteen places all the same: 840 instructions a record.
      if ERR_peek_error() != 0 { ERR_clear_error() }
      let room = UnsafeMutableRawBufferPointer(rebasing: plaintext.dropFirst(count))
      let result = SSL_read(ssl, room.baseAddress, Int32(clamping: room.count))
      guard result <= 0 else {
        count += Int(result)
        continue
      }
      switch SSL_get_error(ssl, result) {
      case SSL_ERROR_WANT_READ: return count
      case SSL_ERROR_ZERO_RETURN: isClosedByPeer = true
      default: _ = fail()
      }
      return count
    }
    return count
  }

  /// Notes why OpenSSL gave up, after which it must not be asked again.
  private func fail() -> TLSError {
    let error = TLSError.failure(
      of: ssl, whileHandshaking: progress == .handshaking, wantedName: wantedName)
    failure = error
    return error
  }
}
