// What the hub is told to do: plain values, made from settings.

package import Connections
package import Hub

/// What becomes of a reader that does not keep up with a live stream.
package struct LagPolicy: Sendable {
  package enum Action: Sendable {
    /// Upstream is not read on, for `waitNanoseconds` at most; then the reader is dropped.
    case wait
    /// It misses events and is told which.
    case skip
    /// It is cut off, and can resume from where it is as long as the log reaches back.
    case drop
  }

  package var action = Action.drop
  /// How many bytes it may be behind.
  package var limitBytes = 1 << 20
  package var waitNanoseconds: UInt64 = 10 * 1_000_000_000

  package init() {}
}

/// The hub's part of a relay's settings.
package struct HubOptions: Sendable {
  package var bounds = StreamBounds()
  package var lag = LagPolicy()
  package var crossOrigin = CrossOriginRules()
  package var socket = WebSocketOptions()

  package init() {}
}

/// Of a route whose streams are kept.
package struct RouteHub: Sendable {
  /// A stream whose client has gone is read to its end, for those who resume it.
  package var continuesOnDisconnect = false
  /// A WebSocket handshake to it opens no tunnel: its one message is a request's body.
  package var takesMessages = false

  package init() {}
}
