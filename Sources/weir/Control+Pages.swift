// The control loop's pages of the admin port: how weir is, and what to ask of it.

import Admin
import Relay

extension Control {
  var pages: [AdminPage] {
    [
      AdminPage("/healthz", .anyHost) { .text("ok") },
      AdminPage("/readyz", .anyHost) { [unowned self] in
        isReady ? .text("ready") : .text("not ready", status: 503)
      },
      AdminPage("/metrics", .anyHost, deferred: { [metrics] in metrics.ask($0, $1) }),
      AdminPage("/limits", .knownHost) { [unowned self] in .json(limitsText) },
      AdminPage("/config", .knownHost) { [unowned self] in .json(current.loaded.json) },
      AdminPage("/reload", .change) { [unowned self] in
        if let reasons = reload() {
          .text("not reloaded\n\(reasons)", status: 422)
        } else {
          .text("reloaded")
        }
      },
      AdminPage("/drain", .change) { [unowned self] in
        if !isDraining { drain(refusing: true) }
        return .text("draining, for at most \(settings.drainTimeout)", status: 202)
      },
    ] + (status?.pages ?? [])
  }

  /// One object for each limit; keys are counted and not named.
  private var limitsText: String {
    let objects = admission.states.map { limit in
      let hold = limit.holdNanoseconds.map { String(Double($0 / 1_000_000) / 1000) } ?? "null"
      return "{\"limit\":\(quoted(limit.name)),\"max_streams\":\(limit.maxStreams),"
        + "\"in_use\":\(limit.inUse),\"queued\":\(limit.queued),\"keys\":\(limit.keys),"
        + "\"key_in_use_max\":\(limit.fullestKeyInUse),\"mean_hold_seconds\":\(hold)}"
    }
    return "[\(objects.joined(separator: ","))]"
  }
}
