// Calls of the server's API. The key is kept for the tab alone and travels in a header only.

import { store } from "./dom.js";

const BASE = new URL("../", import.meta.url);
const session = store("sessionStorage");
const KEY = "cairn.key";

/** A reply that says no, with what the server says of it. */
export class Refused extends Error {
  constructor(status, message, retryAfterMs) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether the same call may succeed a little later. */
  get passes() {
    return this.status === 408 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

export const key = () => session.get(KEY) ?? "";

export function setKey(value) {
  if (value) {
    session.set(KEY, value);
  } else {
    session.remove(KEY);
  }
}

/** A call; the reply is one that says yes, or Refused is thrown. */
export async function call(path, { method = "GET", headers = {}, body, signal } = {}) {
  const sent = { Accept: "application/json", ...headers };
  if (key()) {
    sent.Authorization = `Bearer ${key()}`;
  }
  if (body !== undefined) {
    sent["Content-Type"] = "application/json";
  }
  const reply = await fetch(new URL(path, BASE), {
    method,
    headers: sent,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
    cache: "no-store",
  });
  if (!reply.ok) {
    throw await refused(reply);
  }
  return reply;
}

export async function json(path, options) {
  return (await call(path, options)).json();
}

async function refused(reply) {
  let message = `The server answered ${reply.status}.`;
  try {
    message = (await reply.json()).error.message;
  } catch {
    // Something between page and server answered in its own form.
  }
  const seconds = Number(reply.headers.get("Retry-After"));
  return new Refused(reply.status, message, seconds > 0 ? seconds * 1000 : 0);
}

/** A name for a request that no other has; for servers, not for secrets. */
export function freshKey() {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return `dashboard-${Array.from(random, (each) => each.toString(16).padStart(2, "0")).join("")}`;
}

/** Pauses that double up to a largest one, each shortened by chance so that pages do not come at once. */
export class Backoff {
  constructor(firstMs, mostMs) {
    this.firstMs = firstMs;
    this.mostMs = mostMs;
    this.reset();
  }

  reset() {
    this.nextMs = this.firstMs;
  }

  next(atLeastMs = 0) {
    const pause = this.nextMs * (0.75 + Math.random() / 4);
    this.nextMs = Math.min(this.mostMs, this.nextMs * 2);
    return Math.max(atLeastMs, pause);
  }
}
