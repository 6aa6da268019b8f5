// The roster: members come and go in any order, at the cost of a few stores.

internal import Connections
internal import Testing

@Suite struct RosterTests {
  private final class Item: Enrolled {
    var rosterPlace = -1
  }

  // Goal: any member can leave at any time, and the others stay.
  // Method: add four, remove from the middle, the end and the beginning.
  @Test func membersComeAndGo() {
    var roster = Roster<Item>()
    let items = (0..<4).map { _ in Item() }
    for item in items { roster.add(item) }
    for index in [1, 3, 0] {
      roster.remove(items[index])
      #expect(items[index].rosterPlace == -1)
      #expect(!roster.members.contains { $0 === items[index] })
    }
    #expect(roster.members.count == 1)
    #expect(roster.members[0] === items[2])
    #expect(items[2].rosterPlace == 0)
  }
}
