// All objects of a kind that live on a loop, so that a drain or a status page can reach them.

/// Knows its place in the roster that it is on; the roster alone writes it.
package protocol Enrolled: AnyObject {
  var rosterPlace: Int { get set }
}

/// An unordered collection in which adding and removing are a few stores.
package struct Roster<Member: Enrolled> {
  package private(set) var members: [Member] = []

  package init() {}

  package mutating func add(_ member: Member) {
    member.rosterPlace = members.count
    members.append(member)
  }

  package mutating func remove(_ member: Member) {
    let place = member.rosterPlace
    precondition(members[place] === member, "an object left a roster that it was not on")
    members.swapAt(place, members.count - 1)
    members[place].rosterPlace = place
    members.removeLast()
    member.rosterPlace = -1
  }
}
