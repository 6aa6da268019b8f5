// Goal: no order in which four requests come, wait, are granted, give up and end, with limits
// raised and lowered in between, breaks a promise of admission.
// Method: every reachable state of the book is visited once, and from each every next step is
// taken. After each step the book audits itself, and a witness who knows only the promises
// compares. States that behave alike are one state: the book's fingerprint tells.

internal import IO
internal import Relay
internal import Testing

/// Four actors with these demands, and what may happen to the limits.
private struct Setting: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var limits: [LimitOptions]
  /// For each actor the limits' names, and the key of each.
  var actors: [[(limit: String, key: String)]]
  var lanes: [String]
  /// Reloads: each may happen once, at any time.
  var reloads: [[LimitOptions]]
}

private func limit(
  _ name: String, _ maxStreams: Int, queue: Int = 0, by basis: LimitOptions.Basis = .none
) -> LimitOptions {
  var options = LimitOptions(name: name, by: basis, maxStreams: maxStreams)
  options.queueMax = queue
  return options
}

private let key = LimitOptions.Basis.header(Array("x".utf8))

private let settings: [Setting] = [
  Setting(
    testDescription: "one limit, raised and lowered",
    limits: [limit("all", 2, queue: 2)],
    actors: [[("all", "")], [("all", "")], [("all", "")], [("all", "")]],
    lanes: ["all", "all", "all", "all"],
    reloads: [[limit("all", 3, queue: 2)], [limit("all", 1, queue: 2)]]),
  Setting(
    testDescription: "keys under one queue, raised and lowered",
    limits: [limit("all", 2, queue: 4), limit("key", 1, by: key)],
    actors: [
      [("all", ""), ("key", "a")], [("all", ""), ("key", "a")], [("all", ""), ("key", "b")],
      [("all", ""), ("key", "c")],
    ],
    lanes: ["a", "a", "b", "c"],
    reloads: [
      [limit("all", 3, queue: 4), limit("key", 2, by: key)],
      [limit("all", 1, queue: 4), limit("key", 1, by: key)],
    ]),
  Setting(
    testDescription: "queues of keys under a limit without one, which goes and comes back",
    limits: [limit("all", 1), limit("key", 1, queue: 2, by: key)],
    actors: [
      [("all", ""), ("key", "a")], [("all", ""), ("key", "a")], [("all", ""), ("key", "b")],
      [("all", ""), ("key", "b")],
    ],
    lanes: ["a", "a", "b", "b"],
    reloads: [
      [limit("key", 1, queue: 2, by: key)],
      [limit("all", 1), limit("key", 2, queue: 2, by: key)],
    ]),
  Setting(
    testDescription: "routes with different limits, in different orders",
    limits: [
      limit("all", 2, queue: 4), limit("key", 1, queue: 4, by: key), limit("model", 1, by: .model),
    ],
    actors: [
      [("all", ""), ("key", "a"), ("model", "m")], [("key", "a"), ("all", "")],
      [("all", ""), ("key", "b"), ("model", "m")], [("all", ""), ("key", "a")],
    ],
    lanes: ["all a", "a", "all b", "all a"],
    reloads: [
      [
        limit("all", 1, queue: 4), limit("key", 2, queue: 4, by: key),
        limit("model", 1, by: .model),
      ]
    ]),
  Setting(
    testDescription: "one of a key needs a model, the next does not",
    limits: [limit("all", 3, queue: 4), limit("key", 2, by: key), limit("model", 1, by: .model)],
    actors: [
      [("all", ""), ("key", "b"), ("model", "m")], [("all", ""), ("key", "a"), ("model", "m")],
      [("all", ""), ("key", "a")], [("all", ""), ("key", "c"), ("model", "m")],
    ],
    lanes: ["b", "a", "a", "c"],
    reloads: [
      [limit("all", 1, queue: 4), limit("key", 1, by: key), limit("model", 2, by: .model)],
      [limit("all", 3, queue: 4), limit("key", 2, by: key)],
    ]),
]

private struct Walk {
  enum Actor: Hashable {
    case idle
    case waiting(AdmissionTicket), granted(AdmissionTicket), holding(AdmissionTicket)
    case done

    var phase: Int {
      switch self {
      case .idle: 0
      case .waiting: 1
      case .granted: 2
      case .holding: 3
      case .done: 4
      }
    }
  }

  enum Step { case request, claim, leave, expire, end }

  private static let time = Instant(nanoseconds: 1)

  let setting: Setting
  var book: AdmissionBook
  var witness: Witness
  var actors: [Actor]
  var reloadsDone: [Bool]

  init(_ setting: Setting) {
    self.setting = setting
    book = AdmissionBook(setting.limits)
    witness = Witness([:])
    actors = setting.actors.map { _ in .idle }
    reloadsDone = setting.reloads.map { _ in false }
    witness.maxima = maxima(setting.limits)
  }

  private func maxima(_ limits: [LimitOptions]) -> [LimitID: Int] {
    Dictionary(uniqueKeysWithValues: limits.map { (book.id(of: $0.name)!, $0.maxStreams) })
  }

  var signature: [Int] {
    actors.map(\.phase) + reloadsDone.map { $0 ? 1 : 0 } + book.fingerprint
  }

  var isOver: Bool { actors.allSatisfy { $0 == .done } }

  /// All states that one step leads to.
  var successors: [Walk] {
    let ofActors = actors.indices.flatMap { actor in
      steps(of: actor).map { taking($0, by: actor) }
    }
    let ofReloads = reloadsDone.indices.filter { !reloadsDone[$0] }.map { reloading($0) }
    return ofActors + ofReloads
  }

  private func steps(of actor: Int) -> [Step] {
    switch actors[actor] {
    case .idle: [.request]
    case .waiting: [.leave, .expire]
    case .granted: [.claim, .leave, .expire]
    case .holding: [.end]
    case .done: []
    }
  }

  private func reloading(_ index: Int) -> Walk {
    var next = self
    next.reloadsDone[index] = true
    next.book.apply(setting.reloads[index])
    next.witness.maxima = maxima(setting.reloads[index])
    next.settle()
    return next
  }

  private func taking(_ step: Step, by actor: Int) -> Walk {
    var next = self
    next.take(step, by: actor)
    next.settle()
    return next
  }

  private mutating func take(_ step: Step, by actor: Int) {
    switch (step, actors[actor]) {
    case (.request, .idle): request(actor)
    case (.claim, .granted(let ticket)):
      actors[actor] = book.claim(ticket, at: Self.time) ? .holding(ticket) : .done
    case (.leave, .waiting(let ticket)), (.leave, .granted(let ticket)):
      book.leave(ticket, at: Self.time)
      end(actor, ticket)
    case (.expire, .waiting(let ticket)):
      #expect(book.expire(ticket, at: Self.time) != nil)
      end(actor, ticket)
    case (.expire, .granted(let ticket)):
      #expect(book.expire(ticket, at: Self.time) == nil)
    case (.end, .holding(let ticket)):
      book.giveBack(ticket, at: Self.time)
      end(actor, ticket)
    default: Issue.record("a step that cannot be")
    }
  }

  private mutating func end(_ actor: Int, _ ticket: AdmissionTicket) {
    witness.gone(ticket)
    actors[actor] = .done
  }

  private mutating func request(_ actor: Int) {
    let demand = AdmissionDemand(
      setting.actors[actor].map {
        AdmissionDemand.Entry(
          book.id(of: $0.limit)!, $0.key.isEmpty ? .whole : LimitKey(of: $0.key))
      })
    let lane = setting.lanes[actor]
    switch book.request(demand, desk: actor, at: Self.time) {
    case .granted(let ticket):
      witness.admitted(.init(ticket: ticket, demand: demand, lane: lane))
      actors[actor] = .holding(ticket)
    case .waiting(let wait):
      witness.queued(.init(ticket: wait.ticket, demand: demand, lane: lane))
      actors[actor] = .waiting(wait.ticket)
    case .refused: actors[actor] = .done
    }
  }

  private mutating func settle() {
    for grant in book.takeGrants() {
      witness.granted(grant.ticket)
      #expect(actors[grant.desk] == .waiting(grant.ticket))
      actors[grant.desk] = .granted(grant.ticket)
    }
    witness.checkAtRest()
  }
}

@Suite struct AdmissionModelTests {
  @Test(arguments: settings)
  private func everyInterleavingOfFourKeepsThePromises(_ setting: Setting) {
    var seen: Set<[Int]> = []
    var open = [Walk(setting)]
    var ends = 0
    var waits = 0
    while let walk = open.popLast() {
      for next in walk.successors where seen.insert(next.signature).inserted {
        let errors = next.book.inconsistencies + next.witness.complaints
        if !errors.isEmpty {
          Issue.record("\(errors) after \(walk.actors), now \(next.actors)")
          return
        }
        if next.book.openTickets.waiting > 1 { waits += 1 }
        if next.isOver {
          ends += 1
          #expect(next.book.openTickets == (0, 0))
          #expect(next.book.rememberedKeys == (0, 0))
          #expect(next.book.states.allSatisfy { $0.inUse == 0 && $0.queued == 0 })
        }
        open.append(next)
      }
    }
    // That the walk went far enough to mean something.
    #expect(seen.count > 1000 && ends > 0 && waits > 100, "\(seen.count) states, \(ends), \(waits)")
  }
}
