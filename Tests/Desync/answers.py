"""Answers that two parsers could read differently, and what the client may see of each.

A case is what upstream sends for a request. `reading` is what the client must get: a status and,
if one is expected, the body; `cut` says that the answer's end must be missing, so that nobody
takes what came for the whole. Whatever happens, the next client must get its own answer.
"""

import dataclasses

SMUGGLED = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nX-Smuggled: 1\r\n\r\nsmuggled"
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@dataclasses.dataclass
class Case:
    family: str
    name: str
    sent: bytes
    status: int = 502
    body: bytes | None = None
    cut: bool = False
    method: bytes = b"GET"
    # Upstream closes behind it.
    closes: bool = False
    interims: tuple = ()
    request_fields: bytes = b""
    # Upstream answers without waiting for the request's body.
    at_head: bool = False


CASES = []


def refused(family, name, sent, **more):
    """Nothing of it may be passed on: 502."""
    CASES.append(Case(family, name, sent + SMUGGLED, **more))


def cut(family, name, sent, body, **more):
    """What was well framed arrives, its end never does."""
    CASES.append(Case(family, name, sent + SMUGGLED, 200, body, True, **more))


def whole(family, name, sent, body, status=200, **more):
    """It is one answer, and what lies behind it belongs to nobody."""
    CASES.append(Case(family, name, sent, status, body, **more))


def answer(fields, body=b"", status=b"200 OK", version=b"1.1"):
    lines = b"".join(line + b"\r\n" for line in fields.split(b"\n") if line)
    return b"HTTP/" + version + b" " + status + b"\r\n" + lines + b"\r\n" + body


FIVE = b"5\r\nhello\r\n0\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked"

refused("answer: framing", "length and chunks", answer(CHUNKED + b"\nContent-Length: 3", FIVE))
refused("answer: framing", "chunks and length", answer(b"Content-Length: 3\n" + CHUNKED, FIVE))
refused("answer: framing", "two equal lengths", answer(b"Content-Length: 5\nContent-Length: 5", b"hello"))
refused("answer: framing", "two different lengths", answer(b"Content-Length: 5\nContent-Length: 0", b"hello"))
refused("answer: framing", "two codings", answer(CHUNKED + b"\n" + CHUNKED, FIVE))
for value in [b"gzip, chunked", b"chunked, identity", b"identity", b"xchunked", b"", b"chunked;q=1",
              b"\x0bchunked"]:
    refused("answer: framing", "coding " + ascii(value)[1:],
            answer(b"Transfer-Encoding: " + value, FIVE))
refused("answer: framing", "chunks in HTTP/1.0", answer(CHUNKED, FIVE, version=b"1.0"))
for value in [b"+5", b"-1", b"5, 5", b"0x5", b"", b"5 5", b"18446744073709551621"]:
    refused("answer: framing", "length " + ascii(value)[1:],
            answer(b"Content-Length: " + value, b"hello"))
refused("answer: framing", "space before the colon", answer(b"Content-Length : 5", b"hello"))
refused("answer: framing", "a length with 204", answer(b"Content-Length: 5", b"hello", b"204 No Content"))
refused("answer: framing", "chunks with 204", answer(CHUNKED, FIVE, b"204 No Content"))

refused("answer: head", "folded", b"HTTP/1.1 200 OK\r\nX: y\r\n z\r\nContent-Length: 5\r\n\r\nhello")
refused("answer: head", "bare LF", b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello")
refused("answer: head", "bare LF in a value", answer(b"X: y", b"").replace(b"y", b"y\nContent-Length: 0"))
refused("answer: head", "bare CR in a value", answer(b"X: y\rZ: q\nContent-Length: 5", b"hello"))
refused("answer: head", "NUL", answer(b"X: y\x00\nContent-Length: 5", b"hello"))
refused("answer: head", "a line without a colon", answer(b"X\nContent-Length: 5", b"hello"))
refused("answer: head", "an empty name", answer(b": y\nContent-Length: 5", b"hello"))
refused("answer: head", "a blank line in front", b"\r\n" + GOOD)
refused("answer: head", "HTTP/0.9", b"hello, I am old\r\n\r\n")
refused("answer: head", "no space behind the version", b"HTTP/1.1200 OK\r\nContent-Length: 0\r\n\r\n")
for line in [b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1  200 OK", b"HTTP/1.1 abc", b"HTTP/1.2 200 OK",
             b"HTTP/2 200", b"http/1.1 200 OK", b"ICY 200 OK", b"HTTP/1.1 200 O\rK", b"HTTP/1.1 099 X"]:
    refused("answer: head", "status line " + ascii(line)[1:],
            line + b"\r\nContent-Length: 5\r\n\r\nhello")

for size in [b"0x5", b"5 ", b"+5", b"", b"g", b"ffffffffffffffff", b"10000000000000005"]:
    cut("answer: chunks", "size " + ascii(size)[1:],
        answer(CHUNKED, b"3\r\nabc\r\n" + size + b"\r\nhello\r\n0\r\n\r\n"), b"abc")
cut("answer: chunks", "size line with LF alone", answer(CHUNKED, b"3\r\nabc\r\n5\nhello\r\n0\r\n\r\n"), b"abc")
cut("answer: chunks", "LF behind an extension", answer(CHUNKED, b"3\r\nabc\r\n5;a\nhello\r\n0\r\n\r\n"), b"abc")
cut("answer: chunks", "other bytes behind the data", answer(CHUNKED, b"3\r\nabcXX5\r\nhello\r\n0\r\n\r\n"), b"abc")
cut("answer: chunks", "a trailer that frames", answer(CHUNKED, b"3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n"), b"abc")
cut("answer: chunks", "a trailer with a bare LF", answer(CHUNKED, b"3\r\nabc\r\n0\r\nX: y\nZ: q\r\n\r\n"), b"abc")
CASES.append(Case("answer: chunks", "closed before the last chunk", answer(CHUNKED, b"3\r\nabc\r\n"),
                  200, b"abc", True, closes=True))
CASES.append(Case("answer: chunks", "closed before its last line end",
                  answer(CHUNKED, b"3\r\nabc\r\n0\r\n"), 200, b"abc", True, closes=True))
CASES.append(Case("answer: framing", "closed before its length", answer(b"Content-Length: 9", b"abc"),
                  200, b"abc", True, closes=True))

whole("splitting", "a second answer behind the first", GOOD + SMUGGLED, b"hello")
whole("splitting", "behind chunks", answer(CHUNKED, FIVE) + SMUGGLED, FIVE)
whole("splitting", "behind a length of zero", answer(b"Content-Length: 0") + SMUGGLED, b"")
whole("splitting", "stray bytes", GOOD + b"x", b"hello")
whole("splitting", "a stray line end", GOOD + b"\r\n", b"hello")
whole("splitting", "an unasked 408 while the connection is idle",
      GOOD + b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", b"hello",
      closes=True)
whole("splitting", "more body than its length", answer(b"Content-Length: 5", b"hello and more"), b"hello")

whole("HEAD", "a length and no body", answer(b"Content-Length: 5"), b"", method=b"HEAD")
whole("HEAD", "chunks and no body", answer(CHUNKED), b"", method=b"HEAD")
whole("HEAD", "a body all the same", answer(b"Content-Length: 5", b"hello"), b"", method=b"HEAD")
whole("HEAD", "a body that is an answer", answer(b"Content-Length: 69") + SMUGGLED, b"", method=b"HEAD")
whole("HEAD", "chunks all the same", answer(CHUNKED, FIVE), b"", method=b"HEAD")
whole("bodiless", "204 and bytes", answer(b"", b"hello", b"204 No Content"), b"", 204)
whole("bodiless", "204 and an answer", answer(b"", SMUGGLED, b"204 No Content"), b"", 204)
whole("bodiless", "304 with a length", answer(b"Content-Length: 5", b"", b"304 Not Modified"), b"", 304)
whole("bodiless", "304 with a length and a body",
      answer(b"Content-Length: 5", b"hello", b"304 Not Modified"), b"", 304)

INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"
whole("1xx", "103 and the answer", INTERIM + GOOD, b"hello", interims=(103,))
whole("1xx", "two of them", INTERIM * 2 + GOOD, b"hello", interims=(103, 103))
whole("1xx", "100 that nobody asked for", b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD, b"hello",
      interims=(100,))
whole("1xx", "103 and HEAD", INTERIM + answer(b"Content-Length: 5"), b"", method=b"HEAD", interims=(103,))
refused("1xx", "a length", b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nhello" + GOOD)
refused("1xx", "chunks", b"HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n" + FIVE + GOOD)
refused("1xx", "an upgrade that nobody asked for",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n" + GOOD)

EXPECTING = b"Expect: 100-continue\r\nContent-Length: 5\r\n"
whole("early answer", "to a request whose body never comes", GOOD, b"hello", method=b"POST",
      request_fields=b"Content-Length: 5\r\n", at_head=True)
whole("early answer", "instead of 100 Continue", GOOD, b"hello", method=b"POST",
      request_fields=EXPECTING, at_head=True)
whole("early answer", "a refusal instead of 100 Continue",
      b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 5\r\n\r\nhello", b"hello", 417,
      method=b"POST", request_fields=EXPECTING, at_head=True)
