// Goal: weir takes as many loops as its container grants processors. Method: /proc and /sys as
// texts.

import Testing

@testable import weir

private struct Absent: Error {}

private func count(_ files: [String: String]) -> Int {
  AvailableProcessors.count { path in
    guard let text = files[path] else { throw Absent() }
    return Array(text.utf8)
  }
}

private func status(_ list: String) -> String {
  "Name:\tweir\nCpus_allowed_list:\t\(list)\nMems:\t0"
}

struct AvailableProcessorsTests {
  @Test("the affinity mask", arguments: [("0", 1), ("0-3", 4), ("0-3,8,10-11", 7), ("", 1)])
  func affinity(list: String, expected: Int) {
    #expect(count(["/proc/self/status": status(list)]) == expected)
  }

  @Test(
    "the cgroup's quota, rounded up, if it is less",
    arguments: [
      ("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1),
      ("1600000 100000", 8), ("nonsense", 8), ("1 0", 8),
    ])
  func quota(text: String, expected: Int) {
    let files = [
      "/proc/self/status": status("0-7"), "/proc/self/cgroup": "0::/a/b\n",
      "/sys/fs/cgroup/a/b/cpu.max": text + "\n",
    ]
    #expect(count(files) == expected)
  }

  @Test("a parent's quota counts too")
  func parents() {
    let files = [
      "/proc/self/status": status("0-7"), "/proc/self/cgroup": "1:x:/\n0::/a/b\n",
      "/sys/fs/cgroup/a/b/cpu.max": "400000 100000", "/sys/fs/cgroup/a/cpu.max": "300000 100000",
      "/sys/fs/cgroup/cpu.max": "max 100000",
    ]
    #expect(count(files) == 3)
  }

  @Test("without /proc there is one")
  func nothing() {
    #expect(count([:]) == 1)
  }
}
