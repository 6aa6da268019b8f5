// Goal: the page is one small file that asks nobody else and in which no name can run; what the
// pages say is JSON, complete and without anything private.
// Method: the file itself is searched; hostile names go the whole way to the bytes of an answer.

import FakeKernel
import Foundation
import IO
import Testing
import Wire

@testable import Admin
@testable import Relay
@testable import Telemetry

@Suite struct StatusPageTests {
  private let file = String(decoding: PackageResources.status_html, as: UTF8.self)

  @Test func theFileIsSmallAndAsksNobodyElse() throws {
    #expect(file.utf8.count < 60_000)
    let addresses = file.matches(of: /https?:\/\/[^\s"'<>)]+/).map { String($0.output) }
    #expect(addresses.allSatisfy { $0 == "http://www.w3.org/2000/svg" }, "\(addresses)")
    #expect(!file.contains("@import"))
    #expect(!file.contains("url("))
    #expect(file.matches(of: /<(script|link|img|iframe)[^>]*\ssrc=/).isEmpty)
  }

  @Test func nothingInItRunsButItsScript() {
    let markup = file.replacing(/<script>[\s\S]*?<\/script>/, with: "")
    #expect(
      markup.matches(of: /\son[a-z]+\s*=/).isEmpty, "an inline handler, which the policy forbids")
    #expect(markup.matches(of: /\sstyle\s*=/).isEmpty, "an inline style, which the policy forbids")
    #expect(!file.contains("innerHTML"))
    #expect(!file.contains("insertAdjacentHTML"))
    #expect(!file.contains("eval("))
  }

  @Test func thePolicyNamesWhatIsInThePage() throws {
    let reply = StatusPage().reply(with: Array("{}".utf8))
    let policy = try #require(reply.contentSecurityPolicy)
    for element in ["style", "script"] {
      let text = file.components(after: "<\(element)>")
      let inner = text.prefix(upTo: text.firstIndex(of: "</\(element)>", else: text.endIndex))
      let digest = SHA256.digest(of: Array(inner.utf8).span)
      let hash = Data(digest).base64EncodedString()
      #expect(policy.contains("\(element)-src 'sha256-\(hash)'"))
    }
    #expect(policy.hasPrefix("default-src 'none'; "))
    #expect(!policy.contains("unsafe"))
  }

  @Test func noNameEndsTheScriptThatHoldsIt() throws {
    let stage = try AdminStage()
    let evil = #"</script><img src=x onerror=alert(1)>"#
    stage.lent[0].open = [.streaming(1, model: evil)]
    let client = stage.ask("/")
    stage.run(for: .milliseconds(10))
    #expect(client.status == 200)
    #expect(!client.body.contains("<img"))
    let first = client.body.components(after: #"id="first">"#)
    let text = first.prefix(upTo: first.firstIndex(of: "</script>", else: first.endIndex))
    let state = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    let streams = try #require(state["streams"] as? [String: Any])
    let live = try #require(streams["live"] as? [[String: Any]])
    #expect(live[0]["model"] as? String == evil)
    #expect(Set(state.keys) == ["snapshot", "streams", "ended"])
  }

  @Test func thePageIsForKnownHostsAlone() throws {
    let stage = try AdminStage()
    for path in ["/", "/streams", "/events"] {
      let client = stage.ask(path, host: "evil.example")
      stage.run(for: .milliseconds(10))
      #expect(client.status == 421, "\(path)")
    }
    #expect(stage.looks == 0)
  }
}

@Suite struct StreamsPageTests {
  private func streams(_ stage: AdminStage, _ target: String = "/streams") throws -> [String: Any] {
    let client = stage.ask(target)
    stage.run(for: .milliseconds(10))
    #expect(client.status == 200)
    let object = try JSONSerialization.jsonObject(with: Data(client.body.utf8))
    return try #require(object as? [String: Any])
  }

  @Test func whatIsSaidOfAStream() throws {
    let stage = try AdminStage()
    var reading = StreamReading.streaming(0x1F, age: .seconds(4), events: 100)
    reading.firstToken = 220_600_000
    reading.silence = 12_000_000
    reading.longestGap = 340_000_000
    reading.state = .paused
    reading.paused = (.client, 1_500_000_000)
    reading.bufferedBytes = 65_536
    reading.limiter = "all"
    reading.queued = 30_000_000
    stage.lent[0].open = [reading]
    stage.lent[0].openCount = 1
    let client = stage.ask("/streams")
    stage.run(for: .milliseconds(10))
    let expected =
      #"{"live_count":1,"left_out":0,"live":[{"request_id":"abcd0123-0000001f","route":"chat","#
      + #""upstream":"openai","provider":"openai","operation":"chat","model":"gpt-4o","#
      + #""state":"paused","stream":true,"age_ms":4000,"queue_ms":30,"limiter":"all","#
      + #""ttft_ms":220.6,"events":100,"content_events":100,"events_per_second":25,"#
      + #""bytes_per_second":2500,"silent_ms":12,"max_gap_ms":340,"bytes_up":120,"#
      + #""bytes_down":10000,"backpressure_events":0,"paused_by":"client","paused_ms":1500,"#
      + #""buffered_bytes":65536}],"recent":[]}"# + "\n"
    #expect(client.body == expected)
  }

  @Test func whatIsSaidOfOneThatHasEnded() throws {
    let stage = try AdminStage()
    var record = Sample.ended(7)
    record.upstream = "openai"
    record.model = "gpt-4o"
    record.status = 200
    record.outcome = .upstreamError
    (record.origin, record.errorType) = (.upstream, .overloaded)
    record.firstToken = 100_000_000
    record.duration = 2_250_000_000
    record.tenant = "somebody"
    record.responseID = "chatcmpl-1"
    stage.lent[0].ended = [record]
    let client = stage.ask("/streams")
    stage.run(for: .milliseconds(10))
    let expected =
      #"{"live_count":0,"left_out":0,"live":[],"recent":[{"request_id":"0000000e-00000007","route":"chat","#
      + #""upstream":"openai","provider":"other","operation":"other","model":"gpt-4o","#
      + #""state":"ended","stream":true,"status":200,"outcome":"upstream_error","#
      + #""error_type":"overloaded","error_origin":"upstream","ended_at":7,"duration_ms":2250,"#
      + #""ttft_ms":100,"events":5,"content_events":5,"bytes_up":0,"bytes_down":0,"#
      + #""backpressure_events":0}]}"# + "\n"
    #expect(client.body == expected)
  }

  @Test func whatDoesNotFitIsCounted() throws {
    let stage = try AdminStage()
    stage.lent[0].open = (0..<2000).map { .streaming($0) }
    stage.lent[0].openCount = 9000
    let all = try streams(stage)
    #expect((all["live"] as? [Any])?.count == 2000)
    #expect(all["left_out"] as? Int == 7000)
    let some = try streams(stage, "/streams?rows=10")
    #expect((some["live"] as? [Any])?.count == 10)
    #expect(some["left_out"] as? Int == 8990)
    let odd = try streams(stage, "/streams?rows=-5&rows&x=%00&=")
    #expect((odd["live"] as? [Any])?.count == 2000)
  }
}
