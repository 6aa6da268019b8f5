// weir.js: streams that survive their connection, for browsers. It starts a stream through weir, or
// subscribes to one, and goes on by itself where it was when the connection breaks, over WebSocket
// or HTTP. No dependencies; docs/hub.md in weir's repository describes it and the protocol.
//
//   const weir = new Weir({ headers: { Authorization: "Bearer ..." } });
//   const stream = weir.start("/v1/chat/completions", { body: { model, messages, stream: true } });
//   stream.ontext = Weir.smooth(text => element.append(text));
//   for await (const chunk of stream) console.log(chunk.sequence, chunk.data);
(() => {
  "use strict";

  // Between two attempts: doubled each time, and drawn at random so that a crowd comes back spread.
  const FIRST_PAUSE = 250, LONGEST_PAUSE = 10000;
  // Refusals that another attempt cannot change.
  const FINAL = new Set(["unknown", "expired", "evicted", "encoded", "forbidden", "cut"]);
  // Those that pass: the hub has no room for one more reader just now.
  const PASSING = new Set(["stream_full", "hub_full"]);
  const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

  class WeirError extends Error {
    constructor(reason, message, details = {}) {
      super(message || reason);
      this.reason = reason;
      Object.assign(this, details);
    }
  }

  // One stream. `onchunk(chunk)`, `ontext(text)`, `ondone()`, `onerror(error)` and `onstate(state)`
  // are called as things happen; `for await` brings the same chunks. States: connecting, streaming,
  // reconnecting, done, failed.
  class WeirStream {
    constructor(client, options) {
      this.client = client;
      this.options = options;
      this.id = options.stream || null;
      this.sequence = options.after || 0;
      this.offset = options.offset || 0;
      this.state = "connecting";
      this.reconnections = 0;
      this.gaps = [];
      this.error = null;
      this._waiting = null;
      this._queue = null;
    }

    // Whether its request may be sent twice: what came of the first is not known where the connection
    // broke before an answer, and another one could cost twice.
    get _isRepeatable() {
      const names = Object.keys({ ...this.client.headers, ...this.options.headers });
      return IDEMPOTENT.has(this._method)
        || names.some(name => name.toLowerCase() === "idempotency-key");
    }

    get _method() {
      return this.options.method || (this.options.body === undefined ? "GET" : "POST");
    }

    get isOver() { return this.state === "done" || this.state === "failed"; }

    // Ends it at the provider, for everybody who reads it.
    stop() { return this.client._transport.stop(this); }
    // Reads no more; the stream itself goes on if its route says so.
    close() {
      if (this.isOver) return;
      this.client._transport.leave(this);
      this._finish("done");
    }

    pause() { this.client._transport.pause(this); }
    resume() { this.client._transport.resume(this); }

    async *[Symbol.asyncIterator]() {
      const queue = this._queue = this._queue || [];
      while (true) {
        while (queue.length) yield queue.shift();
        if (this.error) throw this.error;
        if (this.isOver) return;
        await new Promise(resolve => { this._waiting = resolve; });
      }
    }

    _wake() {
      const waiting = this._waiting;
      this._waiting = null;
      if (waiting) waiting();
    }

    _enter(state) {
      if (this.state === state || this.isOver) return;
      if (state === "reconnecting") this.reconnections += 1;
      this.state = state;
      if (this.onstate) this.onstate(state);
    }

    _take(chunk) {
      if (this.isOver) return;
      // What was on its way when the connection broke may come twice; it counts once.
      const isOld = chunk.sequence < this.sequence
        || (chunk.sequence === this.sequence && (chunk.offset || 0) <= this.offset);
      if (isOld && !chunk.tail) return;
      this.sequence = chunk.sequence;
      this.offset = chunk.offset || 0;
      this._enter("streaming");
      if (this._queue) this._queue.push(chunk);
      if (this.onchunk) this.onchunk(chunk);
      if (this.ontext) {
        const text = this.options.format === "text" ? chunk.data : Weir.textOf(chunk.data);
        if (text) this.ontext(text);
      }
      this._wake();
    }

    _gap(first, last) {
      this.gaps.push([first, last]);
      this.sequence = Math.max(this.sequence, last);
      this.offset = 0;
      if (this.ongap) this.ongap(first, last);
    }

    _finish(state, error = null) {
      if (this.isOver) return;
      this.error = error;
      this.client.streams.delete(this);
      this._enter(state);
      if (this.ontext && this.ontext.end) this.ontext.end();
      if (error) { if (this.onerror) this.onerror(error); } else if (this.ondone) this.ondone();
      this._wake();
    }
  }

  class Backoff {
    constructor() { this.reset(); }
    reset() { this.pause = FIRST_PAUSE; }
    next() {
      const pause = this.pause * (0.5 + Math.random() / 2);
      this.pause = Math.min(LONGEST_PAUSE, this.pause * 2);
      return pause;
    }
  }

  // Over one WebSocket, which all streams of a client share.
  class SocketTransport {
    constructor(client) {
      this.client = client;
      this.streams = new Set();
      this.backoff = new Backoff();
      this.socket = null;
      this.timer = null;
      this.nextID = 1;
    }

    begin(stream) {
      this.streams.add(stream);
      if (this.isOpen) this.ask(stream); else this.connect();
    }

    get isOpen() { return this.socket && this.socket.readyState === WebSocket.OPEN; }

    connect() {
      if (this.socket || this.timer) return;
      const url = new URL("/weir/ws", this.client.url);
      url.protocol = url.protocol.replace("http", "ws");
      const socket = this.socket = new WebSocket(url);
      socket.onopen = () => {
        // Browsers cannot put headers on a handshake, so they come first.
        if (this.client.headers) this.send({ type: "hello", headers: this.client.headers });
        for (const stream of this.streams) this.ask(stream);
      };
      socket.onmessage = event => this.receive(JSON.parse(event.data));
      socket.onclose = () => this.closed();
    }

    ask(stream) {
      const { options } = stream;
      const view = { format: options.format, pacing: options.pacing };
      if (stream.id) {
        this.send({ type: "subscribe", id: stream._name, stream: stream.id,
          after: stream.sequence, offset: stream.offset || undefined, headers: options.headers,
          ...view });
      } else if (!stream._asked || stream._isRepeatable) {
        stream._asked = true;
        stream._name = `weir.js-${this.nextID++}`;
        this.send({ type: "start", id: stream._name, path: options.path, method: stream._method,
          headers: options.headers, body: options.body, ...view });
      } else {
        this.end(stream, new WeirError("lost", "the connection broke before the stream began"));
      }
    }

    send(message) { if (this.isOpen) this.socket.send(JSON.stringify(message)); }

    find(message) {
      for (const stream of this.streams) {
        if (message.stream ? stream.id === message.stream : stream._name === message.id) {
          return stream;
        }
      }
      for (const stream of this.streams) {
        if (message.id && stream._name === message.id) return stream;
      }
      return null;
    }

    receive(message) {
      const stream = this.find(message);
      if (!stream) return;
      if (message.type !== "error") this.backoff.reset();
      switch (message.type) {
      case "started":
      case "subscribed":
        stream.id = message.stream;
        stream._enter("streaming");
        if (stream.onstart && message.type === "started") stream.onstart(stream.id);
        break;
      case "chunk": stream._take(message); break;
      case "gap": stream._gap(message.first, message.last); break;
      case "done": this.end(stream); break;
      case "error": this.failed(stream, message); break;
      }
    }

    failed(stream, message) {
      const error = message.error || {};
      if (error.reason === "lagged") return this.ask(stream);
      if (stream.id && PASSING.has(error.reason)) {
        setTimeout(() => { if (this.isOpen && !stream.isOver) this.ask(stream); }, this.backoff.next());
        return;
      }
      this.end(stream, new WeirError(error.reason || "refused", error.message || message.body,
        { status: message.status, body: message.body }));
    }

    end(stream, error = null) {
      this.streams.delete(stream);
      stream._finish(error ? "failed" : "done", error);
    }

    closed() {
      this.socket = null;
      for (const stream of [...this.streams]) {
        if (stream._asked && !stream.id && !stream._isRepeatable) this.ask(stream);
        else stream._enter("reconnecting");
      }
      if (!this.streams.size) return;
      this.timer = setTimeout(() => { this.timer = null; this.connect(); }, this.backoff.next());
    }

    leave(stream) {
      this.streams.delete(stream);
      if (stream.id) this.send({ type: "unsubscribe", stream: stream.id });
    }

    stop(stream) { if (stream.id) this.send({ type: "stop", stream: stream.id }); }
    pause(stream) { if (stream.id) this.send({ type: "pause", stream: stream.id }); }
    resume(stream) { if (stream.id) this.send({ type: "resume", stream: stream.id }); }
    drop() { if (this.socket) this.socket.close(); }
  }

  // Over HTTP: the request itself, and after a break GET /weir/streams/<id>?after=<n>.
  class FetchTransport {
    constructor(client) { this.client = client; }

    begin(stream) { this.run(stream); }

    async run(stream) {
      const backoff = new Backoff();
      while (!stream.isOver) {
        const before = stream.sequence;
        try {
          const response = await this.ask(stream);
          if (!response.ok) {
            const refusal = await this.refusal(response);
            if (!stream.id || !PASSING.has(refusal.reason)) return stream._finish("failed", refusal);
            throw refusal;
          }
          stream.id = response.headers.get("x-weir-stream") || stream.id;
          stream._enter("streaming");
          if (await this.read(stream, response)) return stream._finish("done");
        } catch (error) {
          if (stream.isOver) return;
          if (!stream.id && !stream._isRepeatable) {
            return stream._finish("failed", new WeirError("lost", String(error)));
          }
        }
        if (stream.isOver) return;
        if (stream.sequence > before) backoff.reset();
        stream._enter("reconnecting");
        await new Promise(resolve => setTimeout(resolve, backoff.next()));
      }
    }

    ask(stream) {
      const { options } = stream;
      stream._abort = new AbortController();
      const headers = { ...this.client.headers, ...options.headers };
      const signal = stream._abort.signal;
      if (stream.id) {
        const url = new URL(`/weir/streams/${stream.id}?after=${stream.sequence}`, this.client.url);
        return fetch(url, { headers, signal, cache: "no-store" });
      }
      const isText = typeof options.body === "string";
      return fetch(new URL(options.path, this.client.url), {
        method: stream._method, signal,
        headers: isText ? headers : { "Content-Type": "application/json", ...headers },
        body: options.body === undefined || isText ? options.body : JSON.stringify(options.body),
      });
    }

    async refusal(response) {
      const body = await response.text();
      const details = { status: response.status, body };
      try {
        const { error } = JSON.parse(body);
        if (error && (FINAL.has(error.reason) || PASSING.has(error.reason))) {
          return new WeirError(error.reason, error.message, details);
        }
      } catch { /* The provider's own words. */ }
      return new WeirError("refused", body, details);
    }

    // Returns whether the stream came to its end; a break throws, or brings an unfinished body.
    async read(stream, response) {
      const isEvents = (response.headers.get("content-type") || "").includes("event-stream");
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      const parser = isEvents ? new EventLines(stream) : new JSONLines(stream);
      while (true) {
        const { done, value } = await reader.read();
        if (done) return true;
        parser.feed(decoder.decode(value, { stream: true }));
      }
    }

    leave(stream) { if (stream._abort) stream._abort.abort(); }
    async stop(stream) {
      if (!stream.id) return this.leave(stream);
      const headers = { ...this.client.headers, ...stream.options.headers };
      await fetch(new URL(`/weir/streams/${stream.id}`, this.client.url),
        { method: "DELETE", headers });
    }
    pause() {}
    resume() {}
    drop() { for (const stream of this.client.streams) this.leave(stream); }
  }

  // Events are counted as weir counts them: those that have data.
  class EventLines {
    constructor(stream) { this.stream = stream; this.rest = ""; this.clear(); }
    clear() { this.data = null; this.event = undefined; }

    feed(text) {
      this.rest += text;
      // A CR at the end may be half of a CRLF.
      const usable = this.rest.endsWith("\r") ? this.rest.length - 1 : this.rest.length;
      const lines = this.rest.slice(0, usable).split(/\r\n|\n|\r/);
      this.rest = lines.pop() + this.rest.slice(usable);
      for (const line of lines) this.line(line);
    }

    line(line) {
      if (line === "") {
        if (this.event === "weir.gap" && this.data !== null) {
          // weir's own word, in place of events that a reader who lagged was not sent.
          const { first, last } = JSON.parse(this.data);
          this.stream._gap(first, last);
        } else if (this.data !== null) {
          this.stream._take({ sequence: this.stream.sequence + 1, event: this.event, data: this.data });
        }
        return this.clear();
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
      if (field === "data") this.data = this.data === null ? value : `${this.data}\n${value}`;
      if (field === "event") this.event = value;
    }
  }

  class JSONLines {
    constructor(stream) { this.stream = stream; this.rest = ""; }
    feed(text) {
      const lines = (this.rest + text).split("\n");
      this.rest = lines.pop();
      for (const data of lines) {
        if (data.trim()) this.stream._take({ sequence: this.stream.sequence + 1, data });
      }
    }
  }

  class Weir {
    // `url`: where weir is, if not where the page came from. `headers`: for every request, the
    // credential above all. `transport`: "websocket" or "sse".
    constructor({ url = location.origin, headers, transport = "websocket" } = {}) {
      this.url = url;
      this.headers = headers;
      this.streams = new Set();
      this._transport =
        transport === "sse" ? new FetchTransport(this) : new SocketTransport(this);
    }

    // Options: body, headers, method; format ("events", "raw", "text") and pacing, over WebSocket.
    start(path, options = {}) { return this._begin({ ...options, path }); }

    // Options: after, headers, format, pacing.
    subscribe(stream, options = {}) { return this._begin({ ...options, stream }); }

    // Breaks the connection, as a bad network would: to try things out.
    drop() { this._transport.drop(); }

    _begin(options) {
      const stream = new WeirStream(this, options);
      this.streams.add(stream);
      // Not at once, so that the caller can set its handlers.
      queueMicrotask(() => this._transport.begin(stream));
      return stream;
    }

    // The text that a person would see in an event of the common APIs; "" for none.
    static textOf(data) {
      let event;
      try { event = JSON.parse(data); } catch { return ""; }
      if (event === null || typeof event !== "object") return "";
      if (event.choices) {
        return event.choices.map(c => (c.delta && c.delta.content) || c.text || "").join("");
      }
      if (event.type === "response.output_text.delta") return event.delta;
      if (event.type === "content_block_delta") return (event.delta && event.delta.text) || "";
      if (event.candidates) {
        return event.candidates.flatMap(c => (c.content && c.content.parts) || [])
          .map(part => (part.thought ? "" : part.text || "")).join("");
      }
      if (event.message && typeof event.message.content === "string") return event.message.content;
      return typeof event.response === "string" ? event.response : "";
    }

    // A function for `ontext` that calls `show` with a little of the text at each frame: bursts
    // become a flow which stays about `lag` milliseconds behind. Its `end()` shows the rest.
    static smooth(show, { lag = 250 } = {}) {
      const segmenter = globalThis.Intl && Intl.Segmenter ? new Intl.Segmenter() : null;
      let waiting = [], frame = null, isEnding = false;
      const split = text => segmenter ? [...segmenter.segment(text)].map(s => s.segment) : [...text];
      const step = () => {
        frame = null;
        const count = Math.max(1, Math.ceil(waiting.length * 16 / lag));
        show(waiting.splice(0, count).join(""));
        if (waiting.length) frame = requestAnimationFrame(step);
      };
      const push = text => {
        // The last character may go on in this text.
        waiting = waiting.concat(split((waiting.pop() || "") + text));
        if (frame === null && !isEnding) frame = requestAnimationFrame(step);
      };
      push.end = () => {
        isEnding = true;
        if (frame !== null) cancelAnimationFrame(frame);
        if (waiting.length) show(waiting.join(""));
        waiting = [];
      };
      return push;
    }
  }

  globalThis.Weir = Weir;
  globalThis.WeirError = WeirError;
})();
