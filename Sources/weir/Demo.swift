// `weir demo`: a simulated provider, a relay in front of it and traffic through both, in one
// process on free loopback ports, so that there is something to look at within a second.

import Glibc
import IO
import Simulator

func demonstrate(seconds: Int?) -> Int32 {
  SignalReceiver.block([SIGHUP, SIGTERM, SIGINT])
  ProcessEnvironment.raiseDescriptorLimit()
  do {
    let provider = try SimulatorServer.start(listen: .loopback(port: 0))
    let arguments = RunArguments(flags: [
      FlagValue(flag: "--upstream", text: "http://\(provider.address)"),
      FlagValue(flag: "--listen", text: "127.0.0.1:0"),
      FlagValue(flag: "--admin", text: "127.0.0.1:0"),
      FlagValue(flag: "--log-to", text: "off"),
      // Whoever ends a demo does not wait for its streams.
      FlagValue(flag: "--drain-timeout", text: "500ms"),
      FlagValue(flag: "--max-streams", text: "8"),
      FlagValue(flag: "--queue", text: "16"),
    ])
    let result = Settings.load(arguments: arguments, environment: [:]) { _ in [] }
    let loaded = try result.get()
    let sockets = try ListenerSet(loaded.settings, loops: 1, inherited: [], kernel: LinuxKernel())
    let control = try Control(arguments, loaded, sockets: sockets, gift: nil)
    control.isQuiet = true
    control.lifetime = seconds.map { .seconds($0) }
    let traffic = DemoTraffic(to: sockets.relay[0].address)
    control.serving = {
      introduce(sockets, provider: provider.address)
      traffic.start()
    }
    let code = try control.run(try WorkerOptions(loaded.settings), loops: 1)
    let requests = provider.counts.requestsTaken
    provider.stop()
    say("weir: the demo is over; \(requests) requests went through", to: STDOUT_FILENO)
    return code
  } catch {
    say("weir demo: \(error)")
    return ExitCode.cannotBind
  }
}

private func introduce(_ sockets: ListenerSet, provider: SocketAddress) {
  let relay = sockets.relay[0].address
  let admin = sockets.admin.map { "http://\($0.address)" } ?? "off"
  say(
    """
    weir is relaying on http://\(relay) to a simulated provider on http://\(provider)

      status     \(admin)/
      metrics    \(admin)/metrics
      health     \(admin)/readyz
      settings   \(admin)/config

    Paste this to see a stream pass, or point a client library's base URL at it:

      curl -N http://\(relay)/v1/chat/completions -H 'content-type: application/json' \\
        -H 'x-sim-gap: 80ms' -d '{"model":"gpt-4o","stream":true,"messages":[]}'

    Ctrl-C ends it.
    """, to: STDOUT_FILENO)
}
