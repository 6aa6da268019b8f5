"""One strict reading of HTTP/1.1 messages, written from RFC 9112 and from nothing else.

The recording upstream and the clients of this folder read with it. It repairs nothing: what it
cannot read in exactly one way it names, and stops.
"""

import re

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
FIELD = re.compile(rb"(" + TOKEN + rb"):[ \t]*([\x20-\x7e\x80-\xff\t]*?)[ \t]*\Z")
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([\x21-\x7e]+) HTTP/1\.[01]\Z")
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [\x20-\x7e\x80-\xff\t]*)?\Z")
CHUNK_LINE = re.compile(
    rb"([0-9A-Fa-f]{1,16})"
    rb"(?:[ \t]*;[ \t]*" + TOKEN + rb"(?:[ \t]*=[ \t]*(?:" + TOKEN
    + rb'|"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\t\x20-\x7e\x80-\xff])*"))?)*\Z')


class Unreadable(Exception):
    """The bytes cannot be read in exactly one way; the text says why."""


class Incomplete(Exception):
    """So far they can, and more must come."""


def line(data, at):
    """The line at `at` without its CRLF, and where the next begins."""
    end = data.find(b"\n", at)
    if end < 0:
        if b"\0" in data[at:]:
            raise Unreadable("NUL")
        raise Incomplete
    text = data[at:end]
    if not text.endswith(b"\r"):
        raise Unreadable("bare LF")
    if b"\r" in text[:-1]:
        raise Unreadable("bare CR")
    return text[:-1], end + 1


def fields(data, at):
    """Field lines up to and with the blank line: a list of (lower-case name, value)."""
    found = []
    while True:
        text, at = line(data, at)
        if not text:
            return found, at
        match = FIELD.match(text)
        if not match:
            raise Unreadable(f"field line {text[:40]!r}")
        found.append((match[1].lower(), match[2]))


def chunks(data, at):
    """Where the chunked body that begins at `at` ends, trailers included."""
    while True:
        text, at = line(data, at)
        match = CHUNK_LINE.match(text)
        if not match:
            raise Unreadable(f"chunk line {text[:40]!r}")
        size = int(match[1], 16)
        if size == 0:
            return fields(data, at)[1]
        if len(data) < at + size + 2:
            if data[at + size:at + size + 1] not in (b"", b"\r"):
                raise Unreadable("chunk end")
            raise Incomplete
        if data[at + size:at + size + 2] != b"\r\n":
            raise Unreadable("chunk end")
        at += size + 2


def body_end(data, at, headers):
    """Where the body ends by its framing; None where nothing announces one."""
    lengths = [value for name, value in headers if name == b"content-length"]
    codings = [value.lower() for name, value in headers if name == b"transfer-encoding"]
    if len(lengths) + len(codings) > 1:
        raise Unreadable(f"framed by {len(lengths)} lengths and {len(codings)} codings")
    if codings:
        if codings != [b"chunked"]:
            raise Unreadable(f"coding {codings[0]!r}")
        return chunks(data, at)
    if lengths:
        if not re.fullmatch(rb"[0-9]{1,18}", lengths[0]):
            raise Unreadable(f"length {lengths[0]!r}")
        end = at + int(lengths[0])
        if len(data) < end:
            raise Incomplete
        return end
    return None


class Request:
    def __init__(self, data):
        """The request at the beginning of `data`; `end` is where it ends."""
        text, at = line(data, 0)
        match = REQUEST_LINE.match(text)
        if not match:
            raise Unreadable(f"request line {text[:60]!r}")
        self.method, self.target = match[1], match[2]
        self.headers, self.head_end = fields(data, at)
        if [name for name, _ in self.headers].count(b"host") != 1:
            raise Unreadable("not one Host")
        self.end = body_end(data, self.head_end, self.headers) or self.head_end
        self.body = data[self.head_end:self.end]

    @property
    def triple(self):
        return self.method, self.target, self.body


class Answer:
    def __init__(self, data, method, ended):
        """The answer at the beginning of `data` to a request with `method`; `ended`: no more comes."""
        try:
            text, at = line(data, 0)
            match = STATUS_LINE.match(text)
            if not match:
                raise Unreadable(f"status line {text[:60]!r}")
            self.status = int(match[1])
            self.headers, self.head_end = fields(data, at)
            self.end = self.head_end
            if self.status >= 200 and self.status not in (204, 304) and method != b"HEAD":
                end = body_end(data, self.head_end, self.headers)
                if end is None:
                    if not ended:
                        raise Incomplete
                    end = len(data)
                self.end = end
            self.body = data[self.head_end:self.end]
        except Incomplete:
            if ended:
                raise Unreadable("cut short") from None
            raise

    def header(self, name):
        return next((value for key, value in self.headers if key == name), None)


def unchunked(body):
    """The payload of a chunked body; any other as it is."""
    payload, at = b"", 0
    try:
        while True:
            text, at = line(body, at)
            match = CHUNK_LINE.match(text)
            if not match:
                return body
            size = int(match[1], 16)
            if size == 0:
                return payload if fields(body, at)[1] == len(body) else body
            payload += body[at:at + size]
            at += size + 2
    except (Unreadable, Incomplete):
        return body
