// Settings files: any bytes are read or refused, with a position inside the file, and what was read
// prints without a secret.

/// Comes from the environment; looked for in all that settings say.
private let secret = "canary-4f1d"

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
  // What a file spells out where names belong is no secret, and messages repeat names.
  if String(decoding: bytes, as: UTF8.self).contains(secret) { return }
  let arguments = RunArguments(config: "/weir.json5")
  let result = Settings.load(arguments: arguments, environment: ["KEY": secret]) { name in
    if name == "/weir.json5" { return bytes }
    throw FileIsMissing()
  }
  switch result {
  case .success(let loaded):
    for setting in loaded.effective where "\(setting)".contains(secret) {
      violated("an effective setting shows a secret", setting, "")
    }
  case .failure(let errors):
    if "\(errors)".contains(secret) { violated("a message shows a secret", errors, "") }
  }
}

private struct FileIsMissing: Error {}
