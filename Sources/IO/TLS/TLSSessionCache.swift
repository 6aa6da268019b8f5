// What lets the next connection to an origin skip the certificates: the sessions that the origin
// handed out, kept by origin instead of by connection because connections come and go.

internal import CSystem

/// Resumption state of one origin, confined to a loop.
///
/// Holds sessions of one context and one server name at a time: a resumed handshake shows no
/// certificate, so a session must never vouch for another name or another set of authorities.
/// Asked for another pair, it forgets what it holds.
package final class TLSSessionCache {
  private var shelf = TLSSessionShelf()
  private var context: TLSContext?
  private var serverName = ""

  package init() {}

  /// Sessions held, at most 64.
  package var count: Int { shelf.sessions.count }

  /// Where the sessions of `serverName` under `context` lie.
  ///
  /// Connections that began under another pair keep their own shelf, so what they still bring
  /// ends with them.
  func shelf(for serverName: String, context: TLSContext) -> TLSSessionShelf {
    if self.context !== context || self.serverName != serverName {
      shelf = TLSSessionShelf()
      self.context = context
      self.serverName = serverName
    }
    return shelf
  }
}

/// The newest sessions of one context and one server name.
final class TLSSessionShelf {
  /// An origin sends two tickets a full handshake and one a resumed one, and TLS 1.3 spends one for
  /// each connection: with fewer kept than connections are made at once, the rest would make full
  /// handshakes for ever. Each costs about a kilobyte, and the certificates it refers to.
  static let limit = 64

  /// Newest last; each is a reference of ours.
  private(set) var sessions: [OpaquePointer] = []

  /// A session has come since somebody last asked.
  private var hasNew = false

  deinit {
    for session in sessions { SSL_SESSION_free(session) }
  }

  /// Keeps `session`, whose reference passes to the shelf, and drops the oldest beyond the limit.
  func keep(_ session: OpaquePointer) {
    if sessions.count == Self.limit { SSL_SESSION_free(sessions.removeFirst()) }
    sessions.append(session)
    hasNew = true
  }

  /// Whether a session has come since the last call.
  func takeNews() -> Bool {
    guard hasNew else { return false }
    hasNew = false
    return true
  }

  /// Readies `ssl` to offer the newest session that can still be resumed.
  ///
  /// A TLS 1.3 ticket is used once, so that an onlooker cannot link two connections (RFC 8446
  /// appendix C.4); a session of TLS 1.2 stays.
  func offerNewest(to ssl: OpaquePointer) {
    while let newest = sessions.last {
      let isUsable = SSL_SESSION_is_resumable(newest) == 1 && SSL_set_session(ssl, newest) == 1
      if !isUsable || SSL_SESSION_get_protocol_version(newest) >= TLS1_3_VERSION {
        SSL_SESSION_free(sessions.removeLast())
      }
      if isUsable { return }
    }
  }
}

/// Called by OpenSSL when a server hands a client a session; 1 tells it that we kept the reference.
///
/// The SSL's application data is its shelf, unretained: the TLSSession holds it as long as the SSL.
func keepNewSession(ssl: OpaquePointer?, session: OpaquePointer?) -> Int32 {
  guard let session, let shelf = SSL_get_ex_data(ssl, 0) else { return 0 }
  Unmanaged<TLSSessionShelf>.fromOpaque(shelf).takeUnretainedValue().keep(session)
  return 1
}
