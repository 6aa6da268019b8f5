// Goal: the feed says once a second what is and at once what happens, to listeners that may read as
// slowly as they like, and does nothing for nobody.
// Method: real admin server, scripted clients and the clock of a fake kernel.

import FakeKernel
import IO
import Testing

@testable import Admin
@testable import Relay
@testable import Telemetry

@Suite struct EventFeedTests {
  @Test func tellsOnceASecondWhileSomebodyListens() throws {
    let stage = try AdminStage()
    stage.run(for: .seconds(60))
    #expect(stage.looks == 0)
    let client = stage.ask("/events")
    stage.run(for: .milliseconds(10))
    #expect(client.text.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream"))
    #expect(client.text.contains("Cache-Control: no-store\r\n"))
    #expect(client.events == ["snapshot", "streams"])
    stage.run(for: .seconds(3))
    #expect(client.events.count == 8)
    #expect(stage.looks == 4)
    client.close()
    stage.run(for: .seconds(60))
    #expect(stage.looks == 4)
    #expect(!stage.feed.hasListeners)
  }

  @Test func saysWhatHasEndedOnce() throws {
    let stage = try AdminStage()
    let client = stage.ask("/events?events=ended")
    stage.run(for: .milliseconds(10))
    #expect(client.events == [])
    stage.lent[0].ended = (0..<60).map { Sample.ended($0) }
    stage.run(for: .seconds(5))
    #expect(client.events == ["ended"])
    let body = String(decoding: Dechunked(client.received).body, as: UTF8.self)
    #expect(body.contains(#""request_id":"0000000e-0000003b""#))
    #expect(!body.contains(#""request_id":"0000000e-00000009""#))
    #expect(body.contains(#""left_out":10"#))
  }

  @Test func whoWantsLifecycleAloneCostsNoLooks() throws {
    let stage = try AdminStage()
    let client = stage.ask("/events?events=lifecycle")
    stage.run(for: .milliseconds(15_500))
    #expect(client.events == [":"])
    stage.feed.tell(lifecycle: "draining", atUnixNanoseconds: 1_700_000_000_000_000_000)
    stage.run(for: .milliseconds(10))
    #expect(client.text.contains(#"data: {"event":"draining","at":1700000000000}"#))
    #expect(stage.looks == 0)
  }

  /// A browser that sees an answer break off may not show what came last.
  @Test func theAnswerEndsBehindTheLastWord() throws {
    let stage = try AdminStage()
    let client = stage.ask("/events")
    stage.run(for: .milliseconds(10))
    for event in ["draining", "stopped"] {
      stage.feed.tell(lifecycle: event, atUnixNanoseconds: 1_700_000_000_000_000_000)
    }
    // A look that was under way, and a further one, come too late.
    stage.run(for: .seconds(3))
    #expect(client.events == ["snapshot", "streams", "lifecycle", "lifecycle"])
    #expect(client.text.hasSuffix("\r\n0\r\n\r\n"))
  }

  @Test func aLookThatIsUnderWayIsNotAskedForAgain() throws {
    let stage = try AdminStage()
    stage.answersLooks = false
    _ = stage.ask("/events")
    stage.run(for: .seconds(10))
    #expect(stage.looks == 1)
  }

  @Test func aSlowListenerGetsWholeEventsOrNone() throws {
    var weather = Weather.calm
    weather.sendBufferBytes = 4096...4096
    weather.receiveBufferBytes = 4096...4096
    let stage = try AdminStage(weather)
    stage.lent[0].open = (0..<100).map { .streaming($0) }
    let slow = stage.ask("/events")
    slow.isReading = false
    let quick = stage.ask("/events?rows=0")
    stage.run(for: .seconds(10))
    #expect(quick.events.count == 22)
    // What came after the first second did not fit, and was left out as a whole.
    slow.isReading = true
    stage.run(for: .milliseconds(100))
    #expect(slow.events == ["snapshot", "streams"])
    slow.isReading = false
    stage.run(for: .seconds(30))
    slow.isReading = true
    stage.run(for: .milliseconds(10))
    #expect(slow.hasEnded || slow.failure != nil)
    #expect(quick.events.count > 70)
  }

  @Test func listenersAreLimited() throws {
    let stage = try AdminStage()
    let clients = (0..<EventFeed.listenerLimit).map { _ in stage.ask("/events") }
    stage.run(for: .milliseconds(10))
    #expect(clients.allSatisfy { $0.status == 200 })
    let refused = stage.ask("/events")
    stage.run(for: .milliseconds(10))
    #expect(refused.status == 503)
    clients[3].close()
    stage.run(for: .milliseconds(10))
    let welcome = stage.ask("/events")
    stage.run(for: .milliseconds(10))
    #expect(welcome.status == 200)
  }

  @Test func oldClientsGetNoChunks() throws {
    let stage = try AdminStage()
    let client = stage.ask("/events", version: "1.0")
    stage.run(for: .milliseconds(10))
    #expect(!client.text.contains("Transfer-Encoding"))
    #expect(client.body.hasPrefix("retry: 1000\n\nevent: snapshot\ndata: {"))
  }

  @Test func whoMayListen() throws {
    let stage = try AdminStage()
    let rebound = stage.ask("/events", host: "evil.example")
    let crossSite = stage.ask("/events", "Sec-Fetch-Site: cross-site\r\n")
    let ownPage = stage.ask("/events", "Sec-Fetch-Site: same-origin\r\n")
    let changing = stage.ask("/events", method: "POST")
    let asking = stage.ask("/events", method: "HEAD")
    stage.run(for: .seconds(3))
    #expect([rebound, crossSite, ownPage, changing].map(\.status) == [421, 403, 200, 405])
    #expect(asking.status == 200)
    #expect(asking.body.isEmpty)
  }

  @Test func theSameConnectionIsNoListenerTwice() throws {
    let stage = try AdminStage()
    let client = stage.ask("/events")
    client.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    stage.run(for: .seconds(1))
    #expect(client.text.components(after: "200 OK").contains("200 OK") == false)
    client.close()
    stage.run(for: .seconds(1))
    #expect(!stage.feed.hasListeners)
  }
}

enum Sample {
  static func ended(_ number: Int) -> ExchangeRecord {
    var record = ExchangeRecord(route: "chat", outcome: .completed)
    record.requestID = RequestIDs.ended.id(number)
    record.endedAt = UInt64(number) * 1_000_000
    record.isStream = true
    record.events[.content] = 5
    return record
  }
}
