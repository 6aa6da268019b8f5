// `weir top`: live streams and limits in the terminal, or once as plain text.

import Glibc
import IO

/// 0 when it was left, 1 if no weir could be reached at the start.
func top(_ arguments: TopArguments, _ variables: [String: String]) -> Int32 {
  SignalReceiver.block([SIGINT, SIGTERM, SIGHUP, SIGWINCH])
  do {
    let screen = try TopScreen(arguments, variables)
    return try screen.run()
  } catch {
    say("weir top: \(error)")
    return ExitCode.badSettings
  }
}

private final class TopScreen {
  private let loop: EventLoop
  private let address: SocketAddress
  /// Prints once and ends.
  private let isPlain: Bool
  private let colours: Bool
  private var state = TopState()
  /// What is shown while the view is held.
  private var heldState: TopState?
  private var view = TopView()
  private var terminal: Terminal?
  private var feed: TopFeed?
  private var signals: SignalReceiver?
  private var exitCode = ExitCode.done

  init(_ arguments: TopArguments, _ variables: [String: String]) throws(SystemError) {
    loop = try EventLoop(kernel: LinuxKernel(), eventsPerWait: 16)
    address = arguments.admin
    isPlain = arguments.once || isatty(STDOUT_FILENO) == 0 || variables["TERM"] == "dumb"
    // https://no-color.org: present and not empty.
    colours = !isPlain && variables["NO_COLOR", default: ""].isEmpty
    state.address = "\(address)"
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].compactMap { variables[$0] }.first { !$0.isEmpty }
    let name = locale?.lowercased() ?? ""
    state.isUnicode = name.contains("utf-8") || name.contains("utf8")
  }

  func run() throws(SystemError) -> Int32 {
    signals = try SignalReceiver([SIGINT, SIGTERM, SIGHUP, SIGWINCH], on: loop) {
      [unowned self] signal in
      if signal == SIGWINCH { draw() } else { loop.stop() }
    }
    feed = TopFeed(of: address, on: loop) { [unowned self] in hear($0) }
    loop.run()
    terminal?.restore()
    feed?.close()
    return exitCode
  }

  private func hear(_ news: TopFeed.News) {
    switch news {
    case .snapshot(let snapshot):
      state.snapshot = snapshot
      state.lost = nil
    case .streams(let streams, let liveCount):
      state.streams = streams
      state.liveCount = liveCount
      if isPlain { return printOnce() }
    case .lost(let reason):
      // Before anything was heard this is most likely a mistake in the address.
      guard state.snapshot != nil, !isPlain else { return fail(reason) }
      state.lost = reason
    }
    if state.snapshot != nil { draw() }
  }

  private func fail(_ reason: String) {
    terminal?.restore()
    say("weir top: \(address): \(reason)")
    exitCode = ExitCode.badSettings
    loop.stop()
  }

  private func printOnce() {
    let frame = TopFrame(state: state, view: view, width: 120)
    for line in frame.page {
      var text = TopFrame.text(line, colours: false)
      while text.last == " " { text.removeLast() }
      say(text, to: STDOUT_FILENO)
    }
    loop.stop()
  }

  private func press(_ keys: [TopKey]) {
    for key in keys {
      let size = Terminal.size
      let page = frame(width: size.width).roomForRows(height: size.height)
      let wasHeld = view.isHeld
      switch view.press(key, page: page) {
      case .quit: return loop.stop()
      case .redraw: break
      case .none: continue
      }
      if view.isHeld != wasHeld { heldState = view.isHeld ? state : nil }
    }
    draw()
  }

  private func frame(width: Int) -> TopFrame {
    var shown = heldState ?? state
    shown.lost = state.lost
    return TopFrame(state: shown, view: view, width: width)
  }

  private func draw() {
    guard !isPlain, state.snapshot != nil else { return }
    if terminal == nil { terminal = Terminal(on: loop) { [unowned self] in press($0) } }
    let size = Terminal.size
    let most = max(0, view.arranged(state.streams).count - 1)
    view.offset = min(view.offset, most)
    let lines = frame(width: size.width).screen(height: size.height)
    terminal?.draw(lines.map { TopFrame.text($0, colours: colours) })
  }
}
