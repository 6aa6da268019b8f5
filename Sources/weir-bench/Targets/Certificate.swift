// A certificate for the provider, made for this run by the openssl command and trusted by nobody
// else.

import IO

struct Certificate {
  /// Certificate and authority in one, as PEM.
  let file: String
  let context: TLSContext

  init(in directory: String, _ options: Options) throws(BenchError) {
    file = directory + "/provider.pem"
    let key = directory + "/provider.key"
    let script = options.benchDirectory + "/make-certificate"
    let process = try Process([script, file, key], log: directory + "/openssl.log")
    guard process.wait(10_000), process.status == 0 else {
      throw BenchError("\(script): \(Files.read(directory + "/openssl.log") ?? "it did not end")")
    }
    do {
      context = try TLSContext(server: TLSServerOptions(certificateFile: file, keyFile: key))
    } catch {
      throw BenchError("the provider's certificate: \(error)")
    }
  }
}
