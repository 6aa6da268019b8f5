// What bad neighbours cost: the latency of paced events while their weir serves nobody else, and while
// clients that leave, stall, reset and send garbage play with a provider that does the same, by turns.
//
// weir, which has the proxy's core to itself, and the bench are at real-time priority. The wild clients
// and their provider get what the bench leaves of its own core: how much they did is told with the
// figures.

import Glibc
import IO

extension Bench {
  /// Stretches of each kind that take turns.
  private static let stretches = 4
  private static let prefix = "/wild"
  /// `make clients` puts it there, with what the clients need.
  private static let python = ".build/clients-venv/bin/python"

  func neighbours(of weir: (name: String, path: String)) throws(BenchError) -> [StudyFigure] {
    let upstream = SocketAddress.loopback(port: try Subject.freePort())
    let simulator = try Process(
      [weir.path, "simulate", "--listen", "\(upstream)"], log: directory + "/simulator.log")
    defer { simulator.stop() }
    let settings = directory + "/neighbours.json5"
    try Files.write(neighbourSettings(upstream), to: settings)
    let subject = try start(weir, "run --config \(settings) --listen {listen}")
    defer { subject.stop() }
    let (load, pump) = try openPacedLoad(subject)
    defer { load.close() }
    defer { pump.stop() }
    rig.usesRealTime(true, with: subject)
    defer { rig.usesRealTime(false, with: subject) }
    let figures = try compare(load, subject, upstream)
    pump.stop()
    try load.finish()
    return figures
  }

  private func compare(
    _ load: StreamLoad, _ subject: Subject, _ upstream: SocketAddress
  ) throws(BenchError) -> [StudyFigure] {
    var (quiet, wild) = (LatencyWindow(subject, rig), LatencyWindow(subject, rig))
    var said: [String] = []
    for stretch in 0..<Self.stretches {
      try rig.run(for: options.sizes.warmUp)
      try quiet.measure(load, for: options.sizes.window)
      let log = directory + "/wild.log"
      let clients = try Process(
        [
          "chrt", "--other", "0", Self.python, "Tests/Endurance/wild.py", "\(subject.address)",
          "\(upstream)", Self.prefix, "\(stretch)",
        ], log: log)
      defer { clients.stop() }
      try rig.run(for: .seconds(2) + options.sizes.warmUp)
      guard clients.isRunning else {
        throw BenchError("the wild clients do not run: \(Files.read(log)?.suffix(400) ?? "")")
      }
      try wild.measure(load, for: options.sizes.window)
      clients.stop()
      said.append(Files.read(log)?.split(separator: "\n").last.map(String.init) ?? "nothing said")
    }
    return [
      StudyFigure("alone", quiet.text, p99: quiet.p99),
      StudyFigure(
        "with wild neighbours", "\(wild.text); \(said.joined(separator: "; "))", p99: wild.p99),
    ]
  }

  private func neighbourSettings(_ upstream: SocketAddress) -> String {
    """
    {
      admin: { listen: "off" }, loops: 1, log: { to: "\(directory)/neighbours.log" },
      slow_client_timeout: "2s",
      upstreams: {
        up: { url: "http://\(rig.provider.address)" },
        wild: { url: "http://\(upstream)", first_byte_timeout: "10s", idle_timeout: "2s" },
      },
      routes: [
        { name: "wild", path: "\(Self.prefix)/", strip: true, upstream: "wild" },
        { name: "rest", path: "/", upstream: "up" },
      ],
    }
    """
  }
}
