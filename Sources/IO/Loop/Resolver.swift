// Names become addresses off the loops: the system's resolver blocks, for seconds if the name
// server is silent, so it runs on threads of its own.

internal import CSystem
internal import Glibc
internal import Synchronization

/// What became of a name.
package enum Resolution: Sendable, Equatable {
  /// At least one, in the order that the system prefers (RFC 6724).
  case addresses([SocketAddress])
  /// The system's own words for why there are none.
  case failed(String)
}

/// Resolves names on any thread but the caller's.
package protocol NameService: Sendable {
  func resolve(
    _ host: String, port: UInt16, reply: @escaping @Sendable (Resolution) -> Void)
}

/// One loop's view of the name service: asks once for all that wait, and remembers for a while.
package final class Resolver {
  /// How long an answer serves. The system's resolver does not tell a record's own time to live;
  /// this is short enough to follow a failover, long enough to keep a busy relay off the server.
  package static let lifetime = Duration.seconds(10)

  /// A question that can be taken back.
  package struct Ticket: Equatable { fileprivate let number: UInt64 }

  private struct Name: Hashable, Sendable {
    let host: String
    let port: UInt16
  }

  private let loop: EventLoop
  private let service: any NameService
  private var receiver: MailboxReceiver<(Name, Resolution)>?
  private var known: [Name: (addresses: [SocketAddress], until: Instant)] = [:]
  private var waiting: [Name: [(ticket: Ticket, completion: (Resolution) -> Void)]] = [:]
  private var lastTicket: UInt64 = 0

  package init(on loop: EventLoop, service: any NameService) throws(SystemError) {
    self.loop = loop
    self.service = service
    receiver = try MailboxReceiver(on: loop) { [unowned self] in answer($0.0, $0.1) }
  }

  // The loop keeps whatever is registered with it, and what is registered keeps the loop.
  deinit { receiver?.close() }

  /// Addresses that need no question: numbers, and names asked for within `lifetime`.
  package func immediate(_ host: String, port: UInt16) -> [SocketAddress]? {
    if let address = SocketAddress(numericHost: host, port: port) { return [address] }
    guard let entry = known[Name(host: host, port: port)], entry.until > loop.now else {
      return nil
    }
    return entry.addresses
  }

  /// Calls `completion` on the loop, later, unless the ticket is cancelled first.
  package func resolve(
    _ host: String, port: UInt16, completion: @escaping (Resolution) -> Void
  ) -> Ticket {
    let name = Name(host: host, port: port)
    lastTicket += 1
    let ticket = Ticket(number: lastTicket)
    let isAsked = waiting[name] != nil
    waiting[name, default: []].append((ticket, completion))
    if !isAsked, let mailbox = receiver?.mailbox {
      service.resolve(host, port: port) { mailbox.send((name, $0)) }
    }
    return ticket
  }

  /// The question goes on, for the memory's sake; its answer is no longer told.
  package func cancel(_ ticket: Ticket) {
    for name in waiting.keys {
      waiting[name]!.removeAll { $0.ticket == ticket }
    }
  }

  private func answer(_ name: Name, _ resolution: Resolution) {
    if case .addresses(let addresses) = resolution {
      known[name] = (addresses, loop.now + Self.lifetime)
    }
    for (_, completion) in waiting.removeValue(forKey: name) ?? [] { completion(resolution) }
  }
}

/// getaddrinfo on a few threads, started as questions come. One silent name server holds up at
/// most `threadLimit` names at a time; an answer that a thread gives goes out whenever it comes.
package final class SystemNameService: NameService {
  package static let threadLimit = 4

  private struct Question {
    let host: String
    let port: UInt16
    let reply: @Sendable (Resolution) -> Void
  }

  private struct State {
    var questions: [Question] = []
    var threads = 0
  }

  private let state = Mutex(State())

  package init() {}

  package func resolve(
    _ host: String, port: UInt16, reply: @escaping @Sendable (Resolution) -> Void
  ) {
    let startsThread = state.withLock { state in
      state.questions.append(Question(host: host, port: port, reply: reply))
      guard state.threads < Self.threadLimit else { return false }
      state.threads += 1
      return true
    }
    guard startsThread else { return }
    do {
      _ = try Thread.start("weir-resolver") { [self] in answerAll() }
    } catch {
      state.withLock { $0.threads -= 1 }
      reply(.failed("no thread to resolve names on: \(error)"))
    }
  }

  /// A thread lives while there are questions: names are asked for rarely, and a fresh thread
  /// costs a tenth of what the question does.
  private func answerAll() {
    while let question = next() {
      question.reply(Self.lookUp(question.host, port: question.port))
    }
  }

  private func next() -> Question? {
    state.withLock { state in
      if state.questions.isEmpty {
        state.threads -= 1
        return nil
      }
      return state.questions.removeFirst()
    }
  }

  private static func lookUp(_ host: String, port: UInt16) -> Resolution {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_ADDRCONFIG
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &list)
    guard code == 0 else { return .failed(String(cString: gai_strerror(code))) }
    defer { freeaddrinfo(list) }
    var addresses: [SocketAddress] = []
    var entry = list
    while let current = entry {
      if let raw = current.pointee.ai_addr,
        let address = SocketAddress(raw, length: current.pointee.ai_addrlen)
      {
        addresses.append(address)
      }
      entry = current.pointee.ai_next
    }
    return addresses.isEmpty ? .failed("the name has no address") : .addresses(addresses)
  }
}
