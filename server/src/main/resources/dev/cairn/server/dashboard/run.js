// A run of the playground: what it asks for, what there is of it, and where that is kept.

import { freshKey } from "./api.js";
import { store } from "./dom.js";

const RUN = "cairn.run";
const LEAST_RATE_MS = 200;
const session = store("sessionStorage");

const ENDS = {
  stop: "Ended by itself.",
  length: "Ended: as many tokens as were asked for.",
  cancelled: "Stopped.",
  timeout: "Ended: its time was up.",
};

/** How a run ended, in words. */
export const ending = (run) => (run.failed ? `It failed: ${run.failed}` : (ENDS[run.finish] ?? "Ended."));

/** A run of which nothing is known but perhaps its id. */
export function nothingYet(id) {
  return {
    id,
    asked: "",
    after: "",
    text: "",
    firstMs: null,
    startedAt: null,
    rate: 0,
    finish: null,
    failed: "",
    done: false,
  };
}

/** The run that a form asks for. */
export function asked(fields, mode) {
  const prompt = fields.prompt.value;
  const body = { stream: true, max_tokens: Number(fields.max_tokens.value) };
  if (fields.temperature.value !== "") {
    body.temperature = Number(fields.temperature.value);
  }
  const seed = fields.seed.value.trim();
  if (seed !== "") {
    body.seed = Number(seed);
  }
  const chat = mode === "chat";
  if (chat) {
    const system = fields.system.value.trim();
    body.messages = [
      ...(system ? [{ role: "system", content: system }] : []),
      { role: "user", content: prompt },
    ];
  } else {
    body.prompt = prompt;
  }
  return {
    ...nothingYet(""),
    key: freshKey(),
    path: chat ? "v1/chat/completions" : "v1/completions",
    body,
    asked: chat ? "" : prompt,
    startedAt: Date.now(),
  };
}

/** Keeps a run for as long as the tab is there; null forgets it. */
export function keepRun(run) {
  if (run) {
    session.set(RUN, JSON.stringify(run));
  } else {
    session.remove(RUN);
  }
}

export function keptRun() {
  try {
    return JSON.parse(session.get(RUN) ?? "null");
  } catch {
    session.remove(RUN);
    return null;
  }
}

/** The id of the request that the page's address names; empty where it names none. */
export function fragmentId() {
  const match = /^#request=([0-9A-Za-z_-]{1,64})$/.exec(location.hash);
  return match ? match[1] : "";
}

export function setFragment(id) {
  if (fragmentId() !== id) {
    const fragment = id ? `#request=${encodeURIComponent(id)}` : "";
    history.replaceState(null, "", location.pathname + location.search + fragment);
  }
}

/**
 * Tokens a second since a connection's first event. Where all came at once that says nothing: then it
 * is the rate since the connection was asked for.
 */
export class RateMeter {
  constructor(tokens, nowMs) {
    this.asked = { tokens, nowMs };
    this.first = null;
  }

  /** Null while it is not known. */
  rate(tokens, nowMs) {
    this.first ??= { tokens, nowMs };
    const from = nowMs - this.first.nowMs >= LEAST_RATE_MS ? this.first : this.asked;
    return tokens > from.tokens && nowMs > from.nowMs
      ? ((tokens - from.tokens) * 1000) / (nowMs - from.nowMs)
      : null;
  }
}
