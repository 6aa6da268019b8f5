// The process's listening sockets: inherited where an earlier process has them, opened otherwise.

import IO

/// An address that cannot be had, and why.
struct BindFailure: Error, CustomStringConvertible {
  let setting: String
  let address: SocketAddress
  let error: SystemError

  var description: String {
    let advice = error.isAddressInUse ? "; another process holds it" : ""
    return "\(setting): \(address): \(error)\(advice)"
  }
}

struct ListenerSet {
  /// By place in the settings' list.
  private(set) var relay: [ListeningSockets] = []
  private(set) var admin: ListeningSockets?

  /// Opens what `settings` name; addresses found among `inherited` are taken over with the
  /// connections that wait in their queues. Inherited ones that nobody names are closed.
  init(
    _ settings: Settings, loops: Int, inherited: [Int32], kernel: any Kernel
  ) throws(BindFailure) {
    var known: [SocketAddress: [Int32]] = [:]
    for descriptor in inherited {
      guard let address = try? kernel.localAddress(of: descriptor) else { continue }
      known[address, default: []].append(descriptor)
    }
    for (place, listener) in settings.listen.enumerated() {
      relay.append(
        try Self.sockets(
          "listen[\(place)]", listener.address, count: loops, &known, settings.backlog, kernel))
    }
    if let address = settings.admin.listen {
      admin = try Self.sockets("admin.listen", address, count: 1, &known, 128, kernel)
    }
    for descriptor in known.values.joined() { kernel.close(descriptor) }
  }

  private static func sockets(
    _ setting: String, _ address: SocketAddress, count: Int,
    _ known: inout [SocketAddress: [Int32]], _ backlog: Int, _ kernel: any Kernel
  ) throws(BindFailure) -> ListeningSockets {
    do {
      guard let descriptors = known.removeValue(forKey: address) else {
        return try ListeningSockets.open(
          address, count: count, backlog: Int32(backlog), kernel: kernel)
      }
      return ListeningSockets(inherited: descriptors, address: address)
    } catch {
      throw BindFailure(setting: setting, address: address, error: error)
    }
  }

  /// What each of `loops` loops listens on: its own sockets, or shares of those there are.
  func shares(of loops: Int) -> [[WorkerListener]] {
    var shares = [[WorkerListener]](repeating: [], count: loops)
    for (place, sockets) in relay.enumerated() {
      let descriptors = sockets.descriptors
      for index in 0..<max(loops, descriptors.count) {
        // More loops than sockets: a socket is shared by copies, one for each loop to close.
        let own = descriptors[index % descriptors.count]
        let descriptor = index < descriptors.count ? own : DescriptorPassing.copy(own)
        shares[index % loops].append(WorkerListener(descriptor: descriptor, place: place))
      }
    }
    return shares
  }

  /// Copies of all sockets, for a successor. The originals belong to loops that will close them.
  func copies() -> [Int32] {
    (relay.flatMap(\.descriptors) + (admin?.descriptors ?? [])).map(DescriptorPassing.copy)
  }
}
