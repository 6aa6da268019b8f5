// What this build calls itself.

import CBuildStamp

enum Version {
  static let number = "0.1.0"
  /// Of the commit it was built from, the first twelve digits; `unknown` outside a git checkout.
  static let commit = String(cString: weir_build_commit())
}
