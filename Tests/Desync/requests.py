"""Requests that two parsers could read differently, and the one acceptable reading of each.

A case is what a client sends in one go. `REFUSED` means: one answer of 400 (or the status given),
the connection ends, and no upstream ever sees a whole request. Otherwise `reading` lists the
requests that upstream must see, each as method, target and body with its framing; each is
answered once and nothing else comes. Every refused case carries `TAIL`, a request that only a
parser which lost its place would find.

The classes are those of the published work: Linhart et al. 2005, Kettle 2019 to 2025, Weikop's
chunk-line terminators, and RFC 9112 §11.
"""

import dataclasses

TAIL = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
REFUSED = "refused"


@dataclasses.dataclass
class Case:
    family: str
    name: str
    sent: bytes
    reading: object = REFUSED
    status: int = 400

    @property
    def requests(self):
        """What upstream must see."""
        return self.reading if isinstance(self.reading, list) else []

    @property
    def is_refused(self):
        """Whether the client's last answer is a refusal."""
        return self.sent.endswith(TAIL) and not any(TAIL in body for _, _, body in self.requests)


CASES = []


def refused(family, name, sent, status=400):
    CASES.append(Case(family, name, sent + TAIL, REFUSED, status))


def read(family, name, sent, *reading):
    CASES.append(Case(family, name, sent, list(reading)))


def post(fields, body=b"", target=b"/a", version=b"1.1"):
    """A POST with these field lines, LF-separated for legibility."""
    lines = b"".join(line + b"\r\n" for line in fields.split(b"\n") if line)
    return b"POST " + target + b" HTTP/" + version + b"\r\nHost: x\r\n" + lines + b"\r\n" + body


def get(fields=b"", target=b"/a"):
    return b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n"


def chunked(body):
    return post(b"Transfer-Encoding: chunked", body)


CHUNKED = b"Transfer-Encoding: chunked"
FIVE = b"5\r\nhello\r\n0\r\n\r\n"
LENGTH = str(len(TAIL)).encode()

# Length against chunks: which of the two counts, RFC 9112 §6.3.

refused("CL.TE", "length first", post(b"Content-Length: 5\nTransfer-Encoding: chunked", b"0\r\n\r\n"))
refused("CL.TE", "length short of the chunks",
        post(b"Content-Length: 4\nTransfer-Encoding: chunked", b"5c\r\n"))
refused("CL.TE", "length zero", post(b"Content-Length: 0\nTransfer-Encoding: chunked", FIVE))
refused("TE.CL", "chunks first", post(b"Transfer-Encoding: chunked\nContent-Length: 3", FIVE))
refused("TE.CL", "the length hidden by Connection",
        post(b"Connection: Content-Length\nTransfer-Encoding: chunked\nContent-Length: 3", FIVE))
read("TE.CL", "Connection names Transfer-Encoding",
     post(b"Connection: Transfer-Encoding\nTransfer-Encoding: chunked", FIVE),
     (b"POST", b"/a", FIVE))
read("TE.CL", "Connection names Content-Length",
     post(b"Connection: Content-Length\nContent-Length: 5", b"hello"), (b"POST", b"/a", b"hello"))

# An encoding that only one side knows for chunked.

for value in [b"chunked, identity", b"identity", b"identity, chunked", b"chunked, chunked",
              b"gzip, chunked", b"xchunked", b"chunked-x", b"\"chunked\"", b"chunked;q=1", b"",
              b"chunked,", b", chunked", b"chun ked", b"x chunked", b"\x0bchunked", b"chunked\x0c",
              b"chunked\x00", b"[chunked]", b"chunk\xe9d"]:
    refused("TE.TE", "value " + ascii(value)[1:], post(b"Transfer-Encoding: " + value, FIVE))
refused("TE.TE", "two lines", post(CHUNKED + b"\n" + CHUNKED, FIVE))
refused("TE.TE", "two lines, the second odd", post(CHUNKED + b"\nTransfer-encoding: cow", FIVE))
refused("TE.TE", "folded", b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n chunked\r\n\r\n" + FIVE)
refused("TE.TE", "behind a bare LF",
        post(b"Content-Length: 5", b"hello").replace(b"\r\nC", b"\r\nX: y\nTransfer-Encoding: chunked\r\nC"))
refused("TE.TE", "behind a bare CR",
        post(b"Content-Length: 5", b"hello").replace(b"\r\nC", b"\r\nX: y\rTransfer-Encoding: chunked\r\nC"))
refused("TE.TE", "in HTTP/1.0", post(CHUNKED, FIVE, version=b"1.0"))
refused("TE.TE", "first line of the head, with a space before",
        b"POST /a HTTP/1.1\r\n Transfer-Encoding: chunked\r\nHost: x\r\n\r\n" + FIVE)
read("TE.TE", "another case", post(b"tRANSFER-eNCODING: cHUNKED", FIVE), (b"POST", b"/a", FIVE))
read("TE.TE", "white space around", post(b"Transfer-Encoding: \t chunked \t", FIVE),
     (b"POST", b"/a", FIVE))
read("TE.TE", "an underscore makes another field",
     post(b"Transfer_Encoding: chunked\nContent-Length: 5", b"hello"), (b"POST", b"/a", b"hello"))
read("TE.TE", "nominated TE is not Transfer-Encoding",
     post(b"TE: trailers\nConnection: TE\nContent-Length: 5", b"hello"),
     (b"POST", b"/a", b"hello"))

# Lengths, RFC 9112 §6.2.

for value in [b"+5", b"-5", b"5, 5", b"5,6", b"0x5", b"5 5", b"", b"5;", b"5.0", b"5e0", b"five",
              b"\xb2", b"5\x00", b"18446744073709551621", b"9999999999999999999", b"-0", b"\"5\""]:
    refused("CL", "value " + ascii(value)[1:], post(b"Content-Length: " + value, b"hello"))
refused("CL", "two equal ones", post(b"Content-Length: 5\nContent-Length: 5", b"hello"))
refused("CL", "two different ones", post(b"Content-Length: 5\nContent-Length: 0", b"hello"))
refused("CL", "two, one behind a Connection option",
        post(b"Connection: x\nContent-Length: 0\ncontent-length: 5", b"hello"))
read("CL", "leading zeros", post(b"Content-Length: 0005", b"hello"), (b"POST", b"/a", b"hello"))
read("CL", "white space around", post(b"Content-Length: \t5 ", b"hello"),
     (b"POST", b"/a", b"hello"))

# A body that one side does not expect.

read("CL.0", "a body that is a request", post(b"Content-Length: " + LENGTH, TAIL),
     (b"POST", b"/a", TAIL))
read("CL.0", "GET with a body", get(b"Content-Length: " + LENGTH + b"\r\n") + TAIL,
     (b"GET", b"/a", TAIL))
read("CL.0", "HEAD with a body",
     b"HEAD /a HTTP/1.1\r\nHost: x\r\nContent-Length: " + LENGTH + b"\r\n\r\n" + TAIL,
     (b"HEAD", b"/a", TAIL))
refused("CL.0", "a body for which there is no route",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\nContent-Length: " + LENGTH + b"\r\n\r\n" + TAIL, 404)
read("CL.0", "no length, so no body", post(b"") + get(target=b"/b"),
     (b"POST", b"/a", b""), (b"GET", b"/b", b""))
read("CL.0", "a length of zero", post(b"Content-Length: 0") + get(target=b"/b"),
     (b"POST", b"/a", b""), (b"GET", b"/b", b""))
refused("0.CL", "space before the colon", post(b"Content-Length : " + LENGTH))
refused("0.CL", "tab before the colon", post(b"Content-Length\t: " + LENGTH))
refused("0.CL", "vertical tab before the colon", post(b"Content-Length\x0b: " + LENGTH))
refused("0.CL", "NUL in the name", post(b"Content-Length\x00: " + LENGTH))
refused("0.CL", "folded", b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n " + LENGTH + b"\r\n\r\n")
refused("0.CL", "a field line that begins with a space",
        b"POST /a HTTP/1.1\r\nHost: x\r\n Content-Length: " + LENGTH + b"\r\n\r\n")
refused("0.CL", "no colon", post(b"Content-Length " + LENGTH))
read("0.CL", "another name", post(b"Content_Length: " + LENGTH) + get(target=b"/b"),
     (b"POST", b"/a", b""), (b"GET", b"/b", b""))

# Folding and line endings, RFC 9112 §2.2 and §5.2.

refused("obs-fold", "with a space", get(b"X: y\r\n z\r\n"))
refused("obs-fold", "with a tab", get(b"X: y\r\n\tz: q\r\n"))
refused("obs-fold", "a line of a space alone", get(b"X: y\r\n \r\n"))
refused("obs-fold", "before the first field", b"GET /a HTTP/1.1\r\n X: y\r\nHost: x\r\n\r\n")
refused("line ends", "all bare LF", get().replace(b"\r\n", b"\n"))
refused("line ends", "request line", get().replace(b"1.1\r\n", b"1.1\n"))
refused("line ends", "a field line", get(b"X: y\nZ: q\r\n"))
refused("line ends", "the blank line", get()[:-2] + b"\n")
refused("line ends", "LF CR LF", get()[:-4] + b"\n\r\n")
refused("line ends", "bare CR in a value", get(b"X: y\rz\r\n"))
refused("line ends", "bare CR as a line's end", get(b"X: y\rZ: q\r\n"))
refused("line ends", "CR CR LF", get(b"X: y\r\r\n"))
refused("line ends", "bare CR in the request line", get().replace(b"/a", b"/a\r"))
refused("line ends", "CR behind the method", get().replace(b"GET ", b"GET\r"))
refused("line ends", "two blank lines before the request", b"\r\n\r\n" + get())
refused("line ends", "a bare LF before the request", b"\n" + get())
refused("line ends", "NUL in a value", get(b"X: y\x00z\r\n"))
refused("line ends", "Unicode line separators are no ends but bytes; NUL after",
        get(b"X: y\xe2\x80\xa8Z: q\x00\r\n"))
read("line ends", "one blank line before the request", b"\r\n" + get(), (b"GET", b"/a", b""))
read("line ends", "a blank line behind a body",
     post(b"Content-Length: 5", b"hello\r\n") + get(target=b"/b"),
     (b"POST", b"/a", b"hello"), (b"GET", b"/b", b""))

# Field names, RFC 9112 §5.1.

for name in [b"X ", b"X\t", b" X", b"", b"X Y", b"X\x00", b"X\x7f", b"X\xe9", b"X(", b"X,Y", b"X/Y",
             b"[X]", b"\"X\"", b"X\x0b", b"{X", b"X@"]:
    refused("field name", ascii(name)[1:], get(name + b": y\r\n"))
refused("field name", "a line without a colon", get(b"GET /smuggled HTTP/1.1\r\n"))
refused("field name", "two colons, none a name", get(b":: y\r\n"))
for value in [b"a\x01b", b"a\x7fb", b"a\x0bb", b"a\x1bb", b"\x08"]:
    refused("field value", ascii(value)[1:], get(b"X: " + value + b"\r\n"))
read("field value", "beyond ASCII", get(b"X: \xff\xe9\r\n"), (b"GET", b"/a", b""))

# The request line, RFC 9112 §3.

refused("request line", "two spaces", get().replace(b"GET /a", b"GET  /a"))
refused("request line", "two spaces before the version", get().replace(b"/a HTTP", b"/a  HTTP"))
refused("request line", "a tab", get().replace(b"GET /a", b"GET\t/a"))
refused("request line", "a space in the target", get(target=b"/a b"))
refused("request line", "another request line in the target", get(target=b"/a HTTP/1.1 /b"))
refused("request line", "a leading space", b" " + get())
refused("request line", "a trailing space", get().replace(b"1.1\r\n", b"1.1 \r\n"))
refused("request line", "no version", b"GET /a\r\nHost: x\r\n\r\n")
refused("request line", "HTTP/0.9", b"GET /a\r\n")
refused("request line", "HTTP/1.2", get().replace(b"1.1", b"1.2"))
refused("request line", "HTTP/1.10", get().replace(b"1.1", b"1.10"))
refused("request line", "HTTP/01.1", get().replace(b"1.1", b"01.1"))
refused("request line", "http/1.1", get().replace(b"HTTP", b"http"))
refused("request line", "HTTP/2.0", get().replace(b"1.1", b"2.0"))
refused("request line", "the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
refused("request line", "a method of another alphabet", get().replace(b"GET", b"G\xc9T"))
refused("request line", "a method with a colon", get().replace(b"GET", b"Host:"))
refused("request line", "a fragment", get(target=b"/a#b"))
refused("request line", "NUL in the target", get(target=b"/a\x00b"))
refused("request line", "bytes beyond ASCII in the target", get(target=b"/\xe9"))
refused("request line", "no target", get(target=b""))
refused("request line", "a target without a slash", get(target=b"a"))
refused("request line", "a backslash for a slash", get(target=b"\\a"))
read("request line", "dots and escapes stay", get(target=b"/x/../a%2f%0d%0a%00?q#"[:-1]),
     (b"GET", b"/x/../a%2f%0d%0a%00?q", b""))
read("request line", "two slashes stay", get(target=b"//evil.test/a"),
     (b"GET", b"//evil.test/a", b""))
read("request line", "an unknown method", get().replace(b"GET", b"GPOST"), (b"GPOST", b"/a", b""))

# Whose name counts: the target's or the field's, RFC 9112 §3.2.2.

read("Host", "absolute form against Host", get(target=b"http://evil.test/a"), (b"GET", b"/a", b""))
read("Host", "absolute form with a query alone", get(target=b"http://evil.test?q"),
     (b"GET", b"/?q", b""))
read("Host", "https in absolute form", get(target=b"https://evil.test:1/a"), (b"GET", b"/a", b""))
refused("Host", "user information", get(target=b"http://x@evil.test/a"))
refused("Host", "absolute form without a host", get(target=b"http:///a"))
refused("Host", "another scheme", get(target=b"ftp://evil.test/a"))
refused("Host", "absolute form and no Host field", b"GET http://x/a HTTP/1.1\r\n\r\n")
refused("Host", "no Host field", b"GET /a HTTP/1.1\r\nX: y\r\n\r\n")
refused("Host", "two of them", get(b"Host: y\r\n"))
refused("Host", "two equal ones", get(b"Host: x\r\n"))
refused("Host", "a second one with a space before the colon", get(b"Host : y\r\n"))
refused("Host", "folded", b"GET /a HTTP/1.1\r\nHost: x\r\n\ty\r\n\r\n")
for value in [b"", b"a, b", b"a b", b"a/b", b"x@a", b"a:b", b"a:80:80", b"[::1", b"a\\b", b"a?b",
              b"a#b", b"%zz", b"\xe9", b"a\"b", b"<a>"]:
    refused("Host", "value " + ascii(value)[1:], b"GET /a HTTP/1.1\r\nHost: " + value + b"\r\n\r\n")
refused("Host", "CONNECT", b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n")
refused("Host", "* for GET", get(target=b"*"))
read("Host", "hidden by Connection", get(b"Connection: Host\r\n"), (b"GET", b"/a", b""))

# Chunk sizes, extensions and their ends, RFC 9112 §7.1.

for size in [b"0x5", b"+5", b"-5", b" 5", b"5 ", b"5\t", b"", b"g", b"5.", b"5h", b"_5", b"5\x00",
             b"\x005", b"10000000000000005", b"ffffffffffffffff", b"8000000000000000",
             b"00000000000000005", b"fffffffffffffffffffff5", b"5\x0b", b"5_0"]:
    refused("chunk size", ascii(size)[1:], chunked(size + b"\r\nhello\r\n0\r\n\r\n"))
read("chunk size", "capital and small digits",
     chunked(b"00000A\r\nhellohello\r\n000\r\n\r\n"), (b"POST", b"/a", b"00000A\r\nhellohello\r\n000\r\n\r\n"))
for extension in [b";", b"; ", b";a=", b";=b", b";a=b;", b";a=\"b", b";a b", b" a", b";a=\"b\"c",
                  b";a\nb", b";a\rb", b";a=\"\r\n\"", b";a=\"\\\r\n\"", b";\x00", b";a=\x7f",
                  b" ;a\n", b";a=b "]:
    refused("chunk extension", ascii(extension)[1:],
            chunked(b"5" + extension + b"\r\nhello\r\n0\r\n\r\n"))
refused("chunk extension", "more than 4 KiB",
        chunked(b"5;a=" + b"b" * 5000 + b"\r\nhello\r\n0\r\n\r\n"))
for extension in [b";a", b";a=b", b";a=\"b c\"", b" ;\ta\t=\t\"\\\"\"", b";a;b=c"]:
    body = b"5" + extension + b"\r\nhello\r\n0" + extension + b"\r\n\r\n"
    read("chunk extension", "kept: " + ascii(extension)[1:], chunked(body), (b"POST", b"/a", body))
refused("chunk end", "size line with LF alone", chunked(b"5\nhello\r\n0\r\n\r\n"))
refused("chunk end", "size line with CR alone", chunked(b"5\rhello\r\n0\r\n\r\n"))
refused("chunk end", "LF behind an extension (TERM.EXT)", chunked(b"5;\nxx\r\nhello\r\n0\r\n\r\n"))
refused("chunk end", "LF behind the data", chunked(b"5\r\nhello\n0\r\n\r\n"))
refused("chunk end", "CR behind the data", chunked(b"5\r\nhello\r0\r\n\r\n"))
refused("chunk end", "nothing behind the data (ZERO.TWO)", chunked(b"5\r\nhello0\r\n\r\n"))
refused("chunk end", "two other bytes behind the data (SPILL.TERM)", chunked(b"5\r\nhelloXX0\r\n\r\n"))
refused("chunk end", "data longer than its size", chunked(b"5\r\nhello!\r\n0\r\n\r\n"))
refused("chunk end", "a blank line between chunks", chunked(b"5\r\nhello\r\n\r\n0\r\n\r\n"))
refused("chunk end", "LF for the last line", chunked(b"5\r\nhello\r\n0\r\n\n"))
refused("chunk end", "the last chunk's line with LF", chunked(b"5\r\nhello\r\n0\n\r\n"))
refused("chunk end", "CR CR LF", chunked(b"5\r\r\nhello\r\n0\r\n\r\n"))
read("chunk end", "the next request close behind", chunked(FIVE) + get(target=b"/b"),
     (b"POST", b"/a", FIVE), (b"GET", b"/b", b""))

# Trailers, RFC 9112 §7.1.2 and RFC 9110 §6.5.1.

for line in [b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Host: evil.test",
             b"Connection: close", b"Authorization: x", b"Content-Type: x", b"Trailer: x",
             b"transfer-encoding: identity", b"X : y", b" X: y", b": y", b"X", b"X: y\x00",
             b"X: y\nTransfer-Encoding: chunked", b"X: y\rZ: q", b"X\x0b: y", b"X: y\r\n z",
             b"GET /smuggled HTTP/1.1"]:
    refused("trailer", ascii(line)[1:], chunked(b"5\r\nhello\r\n0\r\n" + line + b"\r\n\r\n"))
refused("trailer", "more than 4 KiB",
        chunked(b"5\r\nhello\r\n0\r\n" + b"X: " + b"y" * 5000 + b"\r\n\r\n"))
TRAILED = b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n"
read("trailer", "plain ones are kept", chunked(TRAILED) + get(target=b"/b"),
     (b"POST", b"/a", TRAILED), (b"GET", b"/b", b""))

# Continue, upgrades, and what follows an error.

read("Expect", "with another word", post(b"Expect: y 100-continue\nContent-Length: 5", b"hello"),
     (b"POST", b"/a", b"hello"))
read("Expect", "twice", post(b"Expect: 100-continue\nExpect: 100-continue\nContent-Length: 5", b"hello"),
     (b"POST", b"/a", b"hello"))
read("Expect", "on a GET without a body", get(b"Expect: 100-continue\r\n") + get(target=b"/b"),
     (b"GET", b"/a", b""), (b"GET", b"/b", b""))
read("upgrade", "asked for and not granted",
     get(b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\n")
     + get(target=b"/b"), (b"GET", b"/a", b""), (b"GET", b"/b", b""))
read("upgrade", "not named by Connection", get(b"Upgrade: h2c\r\n") + get(target=b"/b"),
     (b"GET", b"/a", b""), (b"GET", b"/b", b""))
read("reuse", "three in a row", get(target=b"/a") + post(b"Content-Length: 5", b"hello", b"/b")
     + chunked(FIVE), (b"GET", b"/a", b""), (b"POST", b"/b", b"hello"), (b"POST", b"/a", FIVE))
refused("reuse", "a good one, then a bad one: only the first is seen",
        get(target=b"/first") + get(b"X : y\r\n"))
CASES[-1].reading = [(b"GET", b"/first", b"")]
refused("reuse", "a head over the limit", get(b"X: " + b"y" * 70000 + b"\r\n"), 431)
