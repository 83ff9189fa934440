// Server-sent events over fetch, which unlike EventSource can carry a key, and the loop that follows
// a request through lost connections.

import { call, Refused } from "./api.js";

const SILENCE_MS = 60_000;

/** The events of a body, each with its id and data; a last one that is cut off is none. */
async function* events(body, signal) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await within(reader.read(), SILENCE_MS, signal);
      if (done) {
        return;
      }
      rest += value;
      let end = rest.indexOf("\n\n");
      while (end >= 0) {
        const event = parse(rest.slice(0, end));
        rest = rest.slice(end + 2);
        if (event.data !== null) {
          yield event;
        }
        end = rest.indexOf("\n\n");
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** A connection that says nothing, not even its heartbeat, is dead. */
function within(promise, ms, signal) {
  return new Promise((resolve, reject) => {
    const left = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => reject(new TypeError("The connection is silent.")), ms);
    signal.addEventListener("abort", left, { once: true });
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", left);
    });
  });
}

function parse(block) {
  const event = { id: null, data: null };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "id") {
      event.id = value;
    } else if (name === "data") {
      event.data = event.data === null ? value : `${event.data}\n${value}`;
    }
  }
  return event;
}

function connect(run, signal) {
  if (run.id) {
    const headers = { Accept: "text/event-stream" };
    if (run.after) {
      headers["Last-Event-ID"] = run.after;
    }
    return call(`v1/requests/${encodeURIComponent(run.id)}/stream`, { headers, signal });
  }
  return call(run.path, {
    method: "POST",
    headers: { Accept: "text/event-stream", "Idempotency-Key": run.key },
    body: run.body,
    signal,
  });
}

/**
 * Follows a run until it ends. A run that has no id yet is made; one whose making got no answer is
 * made again with the same Idempotency-Key, which joins it. Where the connection is lost the loop
 * waits a growing, bounded time and goes on behind the last event that it has.
 *
 * @param run {id, after} or {key, path, body}; id and after are kept up to date here
 * @param on connected(), event(data), lost(waitMs, error)
 * @param pause a promise of the end of a wait, given its length
 * @throws Refused where the server will not give it; the signal's reason where it is left
 */
export async function follow(run, on, backoff, pause, signal) {
  for (;;) {
    let lost = new TypeError("The connection was lost.");
    try {
      const reply = await connect(run, signal);
      run.id = reply.headers.get("X-Request-Id") ?? run.id;
      on.connected();
      for await (const event of events(reply.body, signal)) {
        signal.throwIfAborted();
        backoff.reset();
        if (event.data === "[DONE]") {
          return;
        }
        const data = JSON.parse(event.data);
        run.after = event.id ?? run.after;
        on.event(data);
      }
    } catch (error) {
      if (signal.aborted || (error instanceof Refused && !error.passes)) {
        throw error;
      }
      lost = error;
    }
    const wait = backoff.next(lost.retryAfterMs ?? 0);
    on.lost(wait, lost);
    await pause(wait, signal);
  }
}
