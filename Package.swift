// swift-tools-version: 6.2
import PackageDescription

/// How often each branch was taken under load, for the compiler to lay out its code by: docs/performance.md
/// tells what that is worth. `make profile` sets the variable to make it anew.
///
/// Swift 6.2 knows no such option, and builds without.
#if compiler(>=6.3)
  let profile = [
    "-Xfrontend",
    Context.environment["WEIR_PROFILE"] == "generate"
      ? "-ir-profile-generate" : "-ir-profile-use=\(Context.packageDirectory)/bench/weir.profdata",
  ]
#else
  let profile: [String] = []
#endif

/// Every room: Swift 6, explicit `any`, imports that say what they bring and do not leak.
///
/// Exclusivity is proven at compile time wherever it can be; the run-time check of the rest costs
/// 4 ns for each stored property written across rooms, so release builds leave it out and debug
/// builds, which the tests use, keep it.
let room: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
  // A section for each, so that the linker can place it.
  .unsafeFlags(["-Xfrontend", "-function-sections"], .when(configuration: .release)),
  .unsafeFlags(profile, .when(configuration: .release)),
]

/// Functions that run once weir is ready, those that events and requests pass through first, lie side by side
/// in a release build, where the linker would scatter them over 7 MiB: docs/performance.md tells what that is
/// worth.
let ordered: [LinkerSetting] = [
  .unsafeFlags(
    [
      "-use-ld=lld", "-Xlinker", "--no-warn-symbol-ordering", "-Xlinker",
      "--symbol-ordering-file=\(Context.packageDirectory)/bench/hot-functions.txt",
    ], .when(configuration: .release))
]

/// Rooms that do no I/O: each unsafe expression in them must be marked.
let pureRoom = room + [.strictMemorySafety()]

let commit = Context.gitInformation.map { String($0.currentCommit.prefix(12)) } ?? "unknown"

let package = Package(
  name: "weir",
  products: [
    .executable(name: "weir", targets: ["weir"]),
    .executable(name: "weir-bench", targets: ["weir-bench"]),
  ],
  targets: [
    // Imports point down only; rooms on one floor do not know each other. ARCHITECTURE.md draws it.
    .systemLibrary(
      name: "CSystem", pkgConfig: "openssl", providers: [.apt(["libssl-dev", "pkg-config"])]),

    .target(name: "IO", dependencies: ["CSystem"], swiftSettings: room),
    .target(name: "Wire", swiftSettings: pureRoom),

    .target(name: "Connections", dependencies: ["IO", "Wire"], swiftSettings: room),
    .target(name: "Tap", dependencies: ["Wire"], swiftSettings: pureRoom),
    .target(name: "Telemetry", dependencies: ["Wire"], swiftSettings: pureRoom),

    .target(name: "Hub", dependencies: ["Wire"], swiftSettings: pureRoom),

    .target(
      name: "Relay", dependencies: ["IO", "Wire", "Connections", "Tap", "Telemetry", "Hub"],
      resources: [
        .embedInCode("Hub/Pages/weir.js"), .embedInCode("Hub/Pages/example.html"),
      ], swiftSettings: room),
    .target(
      name: "Admin", dependencies: ["IO", "Wire", "Connections", "Telemetry", "Relay"],
      resources: [.embedInCode("Pages/status.html")], swiftSettings: room),
    .target(
      name: "Simulator", dependencies: ["IO", "Wire", "Connections"], swiftSettings: room),

    .target(name: "CBuildStamp", cSettings: [.define("WEIR_COMMIT", to: "\"\(commit)\"")]),
    .executableTarget(
      name: "weir",
      dependencies: [
        "CBuildStamp", "IO", "Wire", "Connections", "Tap", "Telemetry", "Hub", "Relay", "Admin",
        "Simulator",
      ],
      swiftSettings: room, linkerSettings: ordered),
    .executableTarget(
      name: "weir-bench", dependencies: ["IO", "Wire", "Connections", "Simulator"],
      swiftSettings: room),

    // Support for the tests.
    .target(
      name: "FakeKernel", dependencies: ["IO"], path: "Tests/FakeKernel", swiftSettings: room),
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: room),
    .target(
      name: "RelayWorld",
      dependencies: [
        "Relay", "Hub", "Connections", "IO", "Wire", "Tap", "Telemetry", "FakeKernel",
        "TestSupport",
      ],
      path: "Tests/RelayWorld", swiftSettings: room),
    .executableTarget(
      name: "weir-seeds", dependencies: ["RelayWorld"], path: "Tests/weir-seeds",
      swiftSettings: room),

    // What the Autobahn suite and the tests of Connections talk to.
    .target(
      name: "WebSocketEcho", dependencies: ["Connections", "IO", "Wire"],
      path: "Tests/WebSocketEcho", swiftSettings: room),
    .executableTarget(
      name: "websocket-echo", dependencies: ["WebSocketEcho", "Connections", "IO"],
      path: "Tests/websocket-echo", swiftSettings: room),

    .testTarget(
      name: "WireTests", dependencies: ["Wire", "TestSupport"], swiftSettings: room),
    .testTarget(
      name: "IOTests", dependencies: ["IO", "CSystem", "FakeKernel", "TestSupport"],
      swiftSettings: room),
    .testTarget(
      name: "ConnectionsTests",
      dependencies: ["Connections", "IO", "Wire", "FakeKernel", "TestSupport", "WebSocketEcho"],
      swiftSettings: room),
    .testTarget(
      name: "TapTests", dependencies: ["Tap", "Wire", "TestSupport"], swiftSettings: room),
    .testTarget(
      name: "TelemetryTests", dependencies: ["Telemetry", "Wire", "TestSupport"],
      swiftSettings: room),
    .testTarget(
      name: "HubTests", dependencies: ["Hub", "CSystem", "TestSupport"], swiftSettings: room),
    .testTarget(
      name: "RelayTests",
      dependencies: [
        "Relay", "Hub", "Connections", "IO", "Wire", "Tap", "Telemetry", "Simulator", "FakeKernel",
        "RelayWorld", "TestSupport",
      ],
      swiftSettings: room),
    .testTarget(
      name: "SimulatorTests",
      dependencies: ["Simulator", "Connections", "IO", "Wire", "FakeKernel", "TestSupport"],
      swiftSettings: room),
    .testTarget(
      name: "AdminTests",
      dependencies: [
        "Admin", "Connections", "IO", "Wire", "Relay", "Telemetry", "FakeKernel", "TestSupport",
      ],
      swiftSettings: room),
    .testTarget(
      name: "weirTests", dependencies: ["weir", "Relay", "Tap", "IO", "TestSupport"],
      swiftSettings: room),
    .testTarget(
      name: "weir-benchTests", dependencies: ["weir-bench", "IO", "TestSupport"],
      swiftSettings: room),
  ],
  swiftLanguageModes: [.v6]
)

// The fuzz targets, one program of them all: `make fuzz` sets this. They see settings, which live
// in an executable, by being built together with its sources, so that one has to go.
if Context.environment["WEIR_FUZZ"] != nil {
  package.products = []
  package.targets.removeAll { $0.type == .test || $0.name.hasPrefix("weir") }
  package.targets.append(
    .executableTarget(
      name: "weir-fuzz",
      dependencies: [
        "CBuildStamp", "IO", "Wire", "Connections", "Tap", "Telemetry", "Hub", "Relay", "Admin",
        "Simulator", "FakeKernel", "RelayWorld",
      ],
      path: ".", exclude: ["Sources/weir/main.swift"],
      sources: ["Sources/weir", "Fuzz/Targets"], swiftSettings: room))
}
