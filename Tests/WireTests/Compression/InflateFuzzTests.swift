// Goal: for any input this decoder and the zlib library agree: on what comes out, and on whether
// the input is whole, cut short or wrong. Method: Python's zlib compresses seeded data with every
// level, strategy, window and kind of flush, damages half of it, and says what it reads itself.

import Foundation
import Testing
import Wire

@Suite struct InflateFuzzTests {
  private struct Case {
    var format: Inflate.Format
    var verdict: Verdict
    var input: [UInt8]
    var output: [UInt8]
  }

  private enum Verdict: UInt8 { case whole, cutShort, wrong }

  @Test(arguments: [1, 2, 3])
  func agreesWithZlib(_ seed: Int) throws {
    guard let cases = try cases(seed: seed) else {
      print("skipped: python3 is not here, zlib cannot be asked")
      return
    }
    #expect(cases.count > 300)
    for (number, item) in cases.enumerated() {
      for cut in cuts(item.input.count, seed: UInt64(seed * 10_000 + number)) {
        let found = inflate(item.format, item.input, cut: cut)
        let verdict: Verdict =
          found.error != nil ? .wrong : found.isComplete ? .whole : .cutShort
        // An empty code for the code lengths is refused at once here; zlib reads zeros with it and
        // refuses what they add up to, which a body that is cut short does not reach.
        if item.verdict == .cutShort, found.error == .codeLengths { continue }
        #expect(verdict == item.verdict, "seed \(seed), case \(number): \(found.error as Any)")
        if item.verdict == .whole {
          #expect(found.output == item.output, "seed \(seed), case \(number)")
        }
      }
    }
  }

  private func cuts(_ count: Int, seed: UInt64) -> [[Range<Int>]] {
    var cuts = [[0..<count]]
    if count < 600 { cuts.append((0..<count).map { $0..<$0 + 1 }) }
    cuts.append(CodecReplay.cuts(count, seeds: seed..<seed + 1).last!)
    return cuts
  }

  /// Each record: format, verdict, length and bytes of the input, length and bytes of the output.
  private func cases(seed: Int) throws -> [Case]? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script, String(seed)]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let data = [UInt8](try pipe.fileHandleForReading.readToEnd() ?? Data())
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { return nil }
    var (cases, at): ([Case], Int) = ([], 0)
    func block() -> [UInt8] {
      let length = data[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
      defer { at += 4 + length }
      return Array(data[at + 4..<at + 4 + length])
    }
    let formats: [Inflate.Format] = [.gzip, .zlib, .raw, .zlibOrRaw]
    while at < data.count {
      let (format, verdict) = (formats[Int(data[at])], Verdict(rawValue: data[at + 1])!)
      at += 2
      cases.append(Case(format: format, verdict: verdict, input: block(), output: block()))
    }
    return cases
  }

  private let script = """
    import random, struct, sys, zlib
    rng = random.Random(int(sys.argv[1]))
    words = [b'data: ', b'{"choices":[{"delta":{"content":"', b'"}}]}', b'\\n\\n', b'the ', b'of ']

    def body():
        size = rng.choice([0, 1, 3, 50, 400, 3000, 40000, 90000])
        kind = rng.randrange(5)
        if kind == 0: return rng.randbytes(size)
        if kind == 1: return bytes([rng.randrange(256)]) * size
        if kind == 2: return b''.join(rng.choice(words) for _ in range(size // 8))
        if kind == 3: return bytes(min(255, int(rng.expovariate(0.05))) for _ in range(size))
        return (rng.randbytes(rng.randrange(1, 700)) * (size // 100 + 1))[:size]

    def compress(form, data):
        bits = rng.randrange(9, 16)
        wbits = {0: 16 + bits, 1: bits, 2: -bits}[form]
        level, memory = rng.randrange(0, 10), rng.randrange(1, 10)
        c = zlib.compressobj(level, zlib.DEFLATED, wbits, memory, rng.randrange(0, 5))
        out, at = b'', 0
        while at < len(data):
            step = rng.choice([len(data), 200, 5000])
            out += c.compress(data[at:at + step])
            at += step
            if rng.random() < 0.3:
                out += c.flush(rng.choice([zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_BLOCK]))
        return out + c.flush()

    def verdict(form, data):
        wbits, out = {0: 31, 1: 15, 2: -15}[form], b''
        while True:
            d = zlib.decompressobj(wbits)
            try: out += d.decompress(data)
            except zlib.error: return 2, b''
            if not d.eof: return (0 if not data else 1), b'' if data else out
            data = d.unused_data.lstrip(b'\\0')
            if not data: return 0, out
            if form != 0: return 2, b''

    def emit(form, state, data, out):
        head = struct.pack('>BB', form, state)
        blocks = [struct.pack('>I', len(b)) + b for b in (data, out)]
        sys.stdout.buffer.write(head + blocks[0] + blocks[1])

    for number in range(240):
        form = rng.randrange(3)
        plain = body()
        data = compress(form, plain)
        if form == 0 and rng.random() < 0.3:
            data += bytes(rng.choice([0, 0, 3]))
            extra = body()
            data, plain = data + compress(0, extra), plain + extra
        emit(form, 0, data, plain)
        if form == 1: emit(3, 0, data, plain)
        for _ in range(3):
            bad = bytearray(data[:rng.choice([2000, len(data)])])
            for _ in range(rng.choice([0, 1, 1, 1, 4])):
                where = rng.choice([len(bad), min(60, len(bad))])
                if where: bad[rng.randrange(where)] = rng.randrange(256)
            if rng.random() < 0.3: bad = bad[:rng.randrange(len(bad) + 1)]
            if rng.random() < 0.1: bad += rng.randbytes(rng.randrange(1, 5))
            bad = bytes(bad)
            state, out = verdict(form, bad)
            emit(form, state, bad, out)
    for _ in range(400):
        noise = rng.randbytes(rng.randrange(1, 120))
        emit(2, *(lambda v: (v[0], noise, v[1]))(verdict(2, noise)))
    """
}
