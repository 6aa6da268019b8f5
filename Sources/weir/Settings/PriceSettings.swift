// What a model's tokens cost.

/// In USD per million tokens.
struct PriceSettings: SettingsSection {
  var input = 0.0
  var output = 0.0
  /// Nil for `input`; use `cachedInputPrice`.
  var cachedInput: Double?
  /// Nil for `input`; use `cacheWriteInputPrice`.
  var cacheWriteInput: Double?

  var cachedInputPrice: Double { cachedInput ?? input }
  var cacheWriteInputPrice: Double { cacheWriteInput ?? input }

  static var fields: [SettingField<PriceSettings>] {
    [
      .value(
        "input", \.input, .price, isRequired: true, example: .set("2.5"),
        help: "Input tokens that came from no cache.",
        consequence: "weir_cost_usd_total counts reported tokens times these prices."),
      .value(
        "output", \.output, .price, isRequired: true, example: .set("10.0"),
        help: "Output tokens, reasoning included.", consequence: "Counted like input."),
      .value(
        "cached_input", \.cachedInput, SettingKind<Double>.price.optional(),
        example: .set("1.25"),
        help: "Input tokens read from the provider's cache.",
        consequence: "The price of input if it is not set."),
      .value(
        "cache_write_input", \.cacheWriteInput, SettingKind<Double>.price.optional(),
        example: .proposed("3.125"),
        help: "Input tokens written to the provider's cache.",
        consequence: "The price of input if it is not set."),
    ]
  }
}
