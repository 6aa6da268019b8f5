// What can be wrong with compressed bytes: each case names the rule that they break.

/// Why compressed bytes cannot be read on. A decoder that threw one is at its end.
package enum InflateError: Error, Equatable, Sendable {
  /// The first bytes are no gzip header: magic, method or reserved flags (RFC 1952 §2.3).
  case gzipHeader
  /// The gzip header's own checksum is wrong (RFC 1952 §2.3.1, FHCRC).
  case gzipHeaderChecksum
  /// The first two bytes are no zlib header, or ask for a preset dictionary (RFC 1950 §2.2).
  case zlibHeader
  /// Block type 3 (RFC 1951 §3.2.3).
  case blockType
  /// A stored block's length and its complement disagree (RFC 1951 §3.2.4).
  case storedLength
  /// Code lengths that overflow, run past their count, or make no complete code (§3.2.7).
  case codeLengths
  /// A code that stands for no symbol, or a symbol that may not occur (§3.2.6).
  case symbol
  /// A distance that reaches back before the first byte (§3.2.3).
  case distance
  /// The checksum at the end is not that of the bytes that came out.
  case checksum
  /// The length at the end of a gzip member is not that of the bytes that came out.
  case length
  /// Bytes other than zeros after the end.
  case trailingData
  /// More came out than the limit allows for what went in.
  case expansion
}
