// Settings files: any bytes are read or refused, with a position inside the file, and what was read
// prints without a secret.

/// Either may be the environment's: which of them is must not show in what settings say.
private let secrets = ["canary-4f1d", "osprey-9c2e"]

func fuzzSettings(_ input: UnsafeRawBufferPointer) {
  let bytes = Array(input)
  let lines = bytes.split(separator: 10, omittingEmptySubsequences: false).count
  if case .failure(let error) = Result(catching: { () throws(JSON5Error) in
    try JSON5Reader.read(bytes)
  }) {
    guard error.position.line <= lines + bytes.filter({ $0 == 13 }).count + bytes.count else {
      violated("an error stands behind the file's end", error, lines)
    }
  }
  let said = secrets.map { whatIsSaid(of: bytes, secret: $0) }
  if said[0] != said[1] { violated("what is said shows a secret", said[0], said[1]) }
}

/// The effective settings as they are printed, or what is wrong with them.
private func whatIsSaid(of bytes: [UInt8], secret: String) -> String {
  let arguments = RunArguments(config: "/weir.json5")
  let result = Settings.load(arguments: arguments, environment: ["KEY": secret]) { name in
    if name == "/weir.json5" { return bytes }
    throw FileIsMissing()
  }
  return switch result {
  case .success(let loaded): loaded.effective.map { "\($0)" }.joined(separator: "\n")
  case .failure(let errors): "\(errors)"
  }
}

private struct FileIsMissing: Error {}
