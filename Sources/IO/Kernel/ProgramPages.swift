// The program's own code in memory: what only the start needed need not stay.

internal import CSystem
internal import Glibc

package enum ProgramPages {
  /// Lets go of the code and constants that have been mapped so far; what is used again comes back
  /// from the page cache, 64 KiB at a time, for a microsecond each.
  ///
  /// Reading settings, and Swift's search for conformances when it first needs one, map nearly the
  /// whole program. Only segments that are never written to are let go of, so nothing is lost.
  package static func forgetStart() {
    guard let headers = UnsafePointer<Elf64_Phdr>(bitPattern: UInt(getauxval(UInt(AT_PHDR)))) else {
      return
    }
    let all = UnsafeBufferPointer(start: headers, count: Int(getauxval(UInt(AT_PHNUM))))
    guard let own = all.first(where: { $0.p_type == PT_PHDR }) else { return }
    let base = UInt(bitPattern: headers) - UInt(own.p_vaddr)
    let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
    for segment in all where segment.p_type == PT_LOAD && segment.p_flags & UInt32(PF_W) == 0 {
      let start = (base + UInt(segment.p_vaddr) + page - 1) & ~(page - 1)
      let end = (base + UInt(segment.p_vaddr + segment.p_memsz)) & ~(page - 1)
      guard start < end else { continue }
      _ = madvise(UnsafeMutableRawPointer(bitPattern: start), Int(end - start), MADV_DONTNEED)
    }
  }
}
