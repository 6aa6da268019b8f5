// The memory that all streams of a loop share: bytes are in it only while they are in flight, so
// an idle stream holds none.

package final class LoopBuffers {
  /// The most that one read brings. With 7 KiB in flight a stream's reads are short and bring all;
  /// a bulk transfer pays one call per 64 KiB.
  package static let readSize = 64 * 1024

  /// Where reads land. Holds a read's bytes until the reader's callback returns.
  let incoming: UnsafeMutableRawBufferPointer
  /// What TLS sessions put their ciphertext into. Made when the first one needs it.
  package private(set) lazy var tls = TLSBuffers()
  private var plaintext: UnsafeMutableRawBufferPointer?

  /// Blocks that queues gave back, kept for the next one that needs to hold a few bytes a moment.
  private var spareBlocks: [UnsafeMutableRawPointer] = []
  static let blockSize = 16 * 1024
  private static let mostSpareBlocks = 4

  init() {
    incoming = .allocate(byteCount: Self.readSize, alignment: 64)
  }

  deinit {
    incoming.deallocate()
    plaintext?.deallocate()
    for block in spareBlocks { block.deallocate() }
  }

  /// Where a TLS read is decrypted: a read's worth and the record that was pending before it.
  func plaintextBuffer() -> UnsafeMutableRawBufferPointer {
    if let plaintext { return plaintext }
    let size = Self.readSize + 17 * 1024
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
    plaintext = buffer
    return buffer
  }

  func takeBlock() -> UnsafeMutableRawPointer {
    spareBlocks.popLast() ?? .allocate(byteCount: Self.blockSize, alignment: 16)
  }

  func giveBack(_ block: UnsafeMutableRawPointer) {
    if spareBlocks.count < Self.mostSpareBlocks {
      spareBlocks.append(block)
    } else {
      block.deallocate()
    }
  }
}
