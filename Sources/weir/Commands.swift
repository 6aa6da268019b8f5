// The commands of `weir`, each down to its exit code.

import Glibc
import IO

func runCommand(_ arguments: [String]) -> Int32 {
  let variables = ProcessEnvironment.variables
  let command: Command
  do {
    command = try Command.parse(arguments, environment: variables)
  } catch {
    say("\(error)")
    return ExitCode.badSettings
  }
  switch command {
  case .run(let arguments): return relay(arguments, variables)
  case .check(let arguments, let print): return check(arguments, variables, print: print)
  case .top(let arguments): return top(arguments, variables)
  case .healthcheck(let address): return checkHealth(at: address)
  case .reload(let address): return reload(at: address)
  case .drain(let address): return drain(at: address)
  case .help(let topic):
    say(CommandHelp.text(topic), to: STDOUT_FILENO)
    return ExitCode.done
  case .version:
    say("weir \(Version.number)", to: STDOUT_FILENO)
    return ExitCode.done
  case .demo(let seconds): return demonstrate(seconds: seconds)
  case .observe(let arguments): return observe(arguments)
  case .simulate(let arguments): return simulate(arguments)
  }
}

private func load(_ arguments: RunArguments, _ variables: [String: String]) -> LoadedSettings? {
  let result = Settings.load(
    arguments: arguments, environment: variables, readFile: ProcessEnvironment.readFile)
  switch result {
  case .success(let loaded):
    for warning in loaded.warnings { say("weir: warning: \(warning)") }
    return loaded
  case .failure(let errors):
    say("\(errors)")
    return nil
  }
}

private func relay(_ arguments: RunArguments, _ variables: [String: String]) -> Int32 {
  guard let loaded = load(arguments, variables) else { return ExitCode.badSettings }
  SignalReceiver.block([SIGHUP, SIGTERM, SIGINT])
  ProcessEnvironment.raiseDescriptorLimit()
  let loops =
    loaded.settings.loops ?? AvailableProcessors.count(readFile: ProcessEnvironment.readFile)
  do {
    let options = try WorkerOptions(loaded.settings)
    let gift = try arguments.takeover.map { path throws(SystemError) in
      try Predecessor.ask(at: path)
    }
    let inherited = gift?.descriptors ?? ProcessEnvironment.takeSystemdSockets()
    let sockets = try ListenerSet(
      loaded.settings, loops: loops, inherited: inherited, kernel: LinuxKernel())
    Confinement.apply()
    let control = try Control(arguments, loaded, sockets: sockets, gift: gift)
    return try control.run(options, loops: loops)
  } catch let errors as SetupErrors {
    say(errors.lines.joined(separator: "\n"))
    return ExitCode.badSettings
  } catch {
    say("weir: \(error)")
    return ExitCode.cannotBind
  }
}

private func check(
  _ arguments: RunArguments, _ variables: [String: String], print: Bool
) -> Int32 {
  guard let loaded = load(arguments, variables) else { return ExitCode.badSettings }
  do {
    _ = try WorkerOptions(loaded.settings)
  } catch {
    say(error.lines.joined(separator: "\n"))
    return ExitCode.badSettings
  }
  if print {
    say(String(loaded.listing.dropLast()), to: STDOUT_FILENO)
  } else {
    say("weir: the settings are good")
  }
  return ExitCode.done
}
