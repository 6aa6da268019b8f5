// Memory that will be wanted while the kernel works, asked for before.

internal import CSystem

/// Has the processor fetch the first `bytes` of an object into its cache, and does not wait for it.
///
/// A stream's objects have left the cache when its next event comes, for other streams had theirs
/// meanwhile. Asked for before a read of the socket they arrive while the kernel copies.
package func prefetch(_ object: AnyObject, bytes: Int) {
  weir_prefetch(Unmanaged.passUnretained(object).toOpaque(), bytes)
}
