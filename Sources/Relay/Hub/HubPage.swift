// What the hub has for browsers: the client script, and a page that shows it at work.

struct HubPage {
  let type: StaticString
  let bytes: [UInt8]

  /// nil where there is no page.
  init?(path: ArraySlice<UInt8>) {
    if path.elementsEqual("/weir/weir.js".utf8) {
      type = "text/javascript; charset=utf-8"
      bytes = PackageResources.weir_js
    } else if path.elementsEqual("/weir/example".utf8) {
      type = "text/html; charset=utf-8"
      bytes = PackageResources.example_html
    } else {
      return nil
    }
  }
}
