// `weir simulate`: the scripted provider, until a signal.

import Glibc
import IO
import Simulator

func simulate(_ arguments: SimulateArguments) -> Int32 {
  do {
    SignalReceiver.block([SIGTERM, SIGINT])
    ProcessEnvironment.raiseDescriptorLimit()
    let tls = try arguments.tls.map { files throws(TLSError) in
      try TLSContext(
        server: TLSServerOptions(certificateFile: files.certificate, keyFile: files.key))
    }
    let folder = try arguments.replay.map { try RecordingFolder(path: $0) }
    let loop = try EventLoop(kernel: LinuxKernel(), eventsPerWait: 8)
    let server = try SimulatorServer.start(listen: arguments.listen, folder: folder, tls: tls)
    let signals = try SignalReceiver([SIGTERM, SIGINT], on: loop) { _ in loop.stop() }
    say("weir: simulating a provider on \(server.address); GET / tells what it can do")
    withExtendedLifetime(signals) { loop.run() }
    server.stop()
    return ExitCode.done
  } catch let error as SystemError {
    say("weir simulate: \(arguments.listen): \(error)")
    return ExitCode.cannotBind
  } catch {
    say("weir simulate: \(error)")
    return ExitCode.badSettings
  }
}
