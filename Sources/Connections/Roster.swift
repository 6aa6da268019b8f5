// All objects of a kind that live on a loop, so that a drain or a status page can reach them.

/// Knows its place in the roster that it is on; the roster alone writes it.
package protocol Enrolled: AnyObject {
  var rosterPlace: Int { get set }
}

/// An unordered collection in which adding and removing are a few stores. Inlinable, because a
/// generic that other rooms call is not specialised for them otherwise, and costs ten times that.
package struct Roster<Member: Enrolled> {
  @usableFromInline
  package var members: [Member] = []

  @inlinable
  package init() {}

  @inlinable
  package mutating func add(_ member: Member) {
    member.rosterPlace = members.count
    members.append(member)
  }

  @inlinable
  package mutating func remove(_ member: Member) {
    let place = member.rosterPlace
    precondition(members[place] === member, "an object left a roster that it was not on")
    let last = members.removeLast()
    member.rosterPlace = -1
    guard last !== member else { return }
    members[place] = last
    last.rosterPlace = place
  }
}
