// Goal: the table is whole and follows the Prometheus conventions; places in layouts agree with
// the order of declarations.

import Testing

@testable import Telemetry

@Suite struct CatalogueTests {
  @Test func everyIDHasItsRowInOrder() {
    #expect(Catalogue.families.map(\.id) == MetricID.allCases)
  }

  @Test func namesFollowTheConventions() {
    #expect(Set(Catalogue.families.map(\.name)).count == Catalogue.families.count)
    for family in Catalogue.families {
      let name = family.name
      #expect(name.wholeMatch(of: /(weir|process)_[a-z_]+/) != nil)
      #expect((family.kind == .counter) == name.hasSuffix("_total"), "\(name)")
      #expect(family.help.hasSuffix(".") && !family.help.contains("\n"), "\(name)")
      #expect((family.kind == .histogram) == (family.buckets != nil), "\(name)")
      for label in family.labelNames { #expect(label.wholeMatch(of: /[a-z_]+/) != nil) }
      if family.decimals == 9 { #expect(name.contains("_seconds"), "\(name)") }
    }
  }

  @Test func theReferenceNamesAllFamilies() {
    let rows = Catalogue.reference.split(separator: "\n").dropFirst(2)
    #expect(rows.count == Catalogue.families.count)
    for (row, family) in zip(rows, Catalogue.families) {
      #expect(row.hasPrefix("| `\(family.name)` | \(family.kind.rawValue) |"))
    }
  }

  /// `ordinal` reads a case's number from memory; here it is compared with the declaration.
  @Test func ordinalsAreDeclarationOrder() {
    func check<Values: CaseIterable & RawRepresentable>(_ values: Values.Type)
    where Values.RawValue == String {
      #expect(MemoryLayout<Values>.size == 1)
      for (index, value) in values.allCases.enumerated() { #expect(value.ordinal == index) }
    }
    check(Label.Outcome.self)
    check(Label.Origin.self)
    check(Label.ErrorType.self)
    check(Label.Code.self)
    check(Label.Provider.self)
    check(Label.Operation.self)
    check(Label.EventKind.self)
    check(Label.TokenDirection.self)
    check(Label.TokenKind.self)
    check(Label.UsageSource.self)
    check(Label.FinishReason.self)
    check(Label.Direction.self)
    check(Label.Side.self)
    check(Label.Decision.self)
    check(Label.ConnectionState.self)
    check(Label.ConnectPhase.self)
    check(Label.RetryReason.self)
    check(Label.ObserverError.self)
    check(Label.StallThreshold.self)
    check(Label.SocketMode.self)
    check(Label.MessageDirection.self)
    check(Label.ReloadResult.self)
    check(Label.ResumeResult.self)
    check(Label.EvictionReason.self)
    check(Label.LagAction.self)
    check(Label.Overflow.self)
    check(LogLevel.self)
  }

  @Test func combinationsCountTheLastLabelFastest() {
    let family = Catalogue.family(.requests)
    #expect(family.combinations == 2 * 6 * 16)
    #expect(family.positions(of: 0) == [0, 0, 0])
    #expect(family.positions(of: 17) == [0, 1, 1])
    #expect(family.positions(of: 6 * 16 + 15) == [1, 0, 15])
  }

  @Test func aBoundBelongsToItsBucket() {
    let table = BucketTable(Catalogue.families)
    #expect(table.index(of: 0, in: .timeToFirstToken) == 0)
    #expect(table.index(of: 1_000_000, in: .timeToFirstToken) == 0)
    #expect(table.index(of: 1_000_001, in: .timeToFirstToken) == 1)
    #expect(table.index(of: 640_000_000_000, in: .timeToFirstToken) == 20)
    #expect(table.index(of: 640_000_000_001, in: .timeToFirstToken) == 21)
    #expect(table.index(of: .max, in: .timeToFirstToken) == 21)
    for family in Catalogue.families {
      let limits = family.buckets?.limits ?? []
      #expect(limits == limits.sorted() && Set(limits).count == limits.count)
    }
  }

  @Test func numbersWithoutTrailingZeros() {
    func text(_ value: UInt64, _ decimals: Int) -> String {
      var bytes: [UInt8] = []
      Digits.append(value, decimals: decimals, to: &bytes)
      return String(decoding: bytes, as: UTF8.self)
    }
    #expect(text(0, 0) == "0" && text(0, 9) == "0" && text(.max, 0) == "18446744073709551615")
    #expect(
      text(10, 0) == "10" && text(1_500_000_000, 9) == "1.5" && text(1, 12) == "0.000000000001")
    #expect(text(100_000_000_000, 9) == "100" && text(1_000_000_001, 9) == "1.000000001")
    #expect(text(50, 3) == "0.05" && text(.max, 18) == "18.446744073709551615")
  }
}
