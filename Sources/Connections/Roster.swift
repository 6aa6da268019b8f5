// All objects of a kind that live on a loop, so that a drain or a status page can reach them.

/// Knows its place in the roster that it is on; the roster alone writes it.
public protocol Enrolled: AnyObject {
  var rosterPlace: Int { get set }
}

/// An unordered collection in which adding and removing are a few stores. Inlinable and
/// public, the one type that is: a generic of another room is not specialised otherwise, not even
/// where it is inlinable, and then costs ten times that.
public struct Roster<Member: Enrolled> {
  public var members: [Member] = []

  @inlinable
  public init() {}

  @inlinable
  public mutating func add(_ member: Member) {
    member.rosterPlace = members.count
    members.append(member)
  }

  @inlinable
  public mutating func remove(_ member: Member) {
    let place = member.rosterPlace
    precondition(members[place] === member, "an object left a roster that it was not on")
    let last = members.removeLast()
    member.rosterPlace = -1
    guard last !== member else { return }
    members[place] = last
    last.rosterPlace = place
  }
}
