// The playground: makes a request, follows it, and goes on after a reload or a restart of the server.
// What it has of the text and where the stream goes on are kept as one piece, so that neither is
// ever without the other.

import { Backoff, call, Refused } from "./api.js";
import { byId, millis, rate, setText, whole } from "./dom.js";
import { RateMeter, asked, ending, fragmentId, keepRun, keptRun, nothingYet, setFragment } from "./run.js";
import { follow } from "./stream.js";

const KEEP_MS = 250;
const FIRST_WAIT_MS = 250;
const MOST_WAIT_MS = 8000;

/**
 * @param needsKey asks for a key; again() is called when there is one
 * @param changed asks for another look at the server
 */
export function playground({ needsKey, changed }) {
  const form = byId("run-form");
  const output = byId("output");
  const text = document.createTextNode("");
  byId("text").append(text);
  let run = null;
  let following = null;
  let wake = () => {};
  let keptAt = 0;
  let meter = null;
  let connected = false;

  const mode = () => form.elements.mode.value;

  function showMode() {
    byId("system-field").hidden = mode() !== "chat";
    setText(byId("prompt-label"), mode() === "chat" ? "Message" : "Prompt");
  }

  function say(words, kind = "") {
    setText(byId("run-state"), words);
    byId("run-state").dataset.kind = kind;
  }

  function keep() {
    keptAt = performance.now();
    keepRun(run);
  }

  function show() {
    const runs = following !== null;
    byId("run").disabled = runs;
    byId("stop").hidden = !runs;
    byId("new-run").hidden = run === null || runs;
    output.setAttribute("aria-busy", String(runs));
    setText(byId("asked"), run?.asked ?? "");
    showFigures();
  }

  function showFigures() {
    setText(byId("run-tokens"), run === null ? "–" : whole(Number(run.after || 0)));
    setText(byId("run-rate"), run?.rate ? rate(run.rate) : "–");
    setText(byId("run-first"), run?.firstMs ? millis(run.firstMs) : "–");
  }

  function append(piece) {
    const atEnd = output.scrollHeight - output.scrollTop - output.clientHeight < 40;
    text.appendData(piece);
    if (atEnd) {
      output.scrollTop = output.scrollHeight;
    }
  }

  function take(data) {
    if (data.error) {
      run.failed = data.error.message;
      return;
    }
    const choice = data.choices?.[0];
    const piece = choice?.text ?? choice?.delta?.content ?? "";
    const nowMs = performance.now();
    if (piece && run.firstMs === null && run.startedAt !== null) {
      run.firstMs = Date.now() - run.startedAt;
    }
    run.rate = meter.rate(Number(run.after || 0), nowMs) ?? run.rate;
    run.text += piece;
    run.finish = choice?.finish_reason ?? run.finish;
    append(piece);
    showFigures();
    if (nowMs - keptAt > KEEP_MS) {
      keep();
    }
  }

  /** Ends early where there is reason to try at once. */
  function pause(ms, signal) {
    return new Promise((resolve, reject) => {
      const left = () => reject(signal.reason);
      wake = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", left);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal.addEventListener("abort", left, { once: true });
    });
  }

  async function goOn() {
    const controller = new AbortController();
    const mine = run;
    following = controller;
    connected = false;
    meter = new RateMeter(Number(run.after || 0), performance.now());
    say("Connecting");
    show();
    const on = {
      connected() {
        connected = true;
        setFragment(run.id);
        keep();
        say("Streaming", "running");
        changed();
      },
      event: take,
      lost(waitMs) {
        connected = false;
        meter = new RateMeter(Number(run.after || 0), performance.now() + waitMs);
        keep();
        say(`The server does not answer; the stream goes on when it does. Next try in ${millis(waitMs)}.`, "waiting");
      },
    };
    try {
      await follow(run, on, new Backoff(FIRST_WAIT_MS, MOST_WAIT_MS), pause, controller.signal);
      run.done = true;
      say(ending(run), run.failed ? "bad" : "ended");
    } catch (error) {
      if (controller.signal.aborted && run !== mine) {
        return;
      }
      failed(error);
    }
    following = null;
    keep();
    show();
    changed();
  }

  function failed(error) {
    if (error instanceof Refused && error.status === 401) {
      say("The server asks for a key.", "waiting");
      needsKey(error.message);
    } else {
      run.done = true;
      say(error.message, "bad");
    }
  }

  function begin(next) {
    following?.abort(new Error("another run"));
    following = null;
    run = next;
    text.data = run?.text ?? "";
    keep();
    show();
  }

  function start() {
    setFragment("");
    begin(asked(form.elements, mode()));
    goOn();
  }

  /** What a fragment or the tab's memory says is to be shown. */
  function restore() {
    const wanted = fragmentId();
    const before = keptRun();
    if (before && (!wanted || wanted === before.id)) {
      begin(before);
    } else if (wanted) {
      begin(nothingYet(wanted));
    } else {
      return;
    }
    setFragment(run.id);
    if (run.done) {
      say(ending(run), run.failed ? "bad" : "ended");
    } else {
      goOn();
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (following === null) {
      start();
    }
  });
  form.addEventListener("change", showMode);
  byId("new-run").addEventListener("click", () => {
    setFragment("");
    begin(null);
    say("");
    form.elements.prompt.focus();
  });
  byId("stop").addEventListener("click", async () => {
    if (!run?.id) {
      return;
    }
    try {
      await call(`v1/requests/${encodeURIComponent(run.id)}/cancel`, { method: "POST" });
    } catch (error) {
      say(`It could not be stopped: ${error.message}`, "bad");
    }
  });
  addEventListener("hashchange", () => {
    const wanted = fragmentId();
    if (wanted && wanted !== run?.id) {
      begin(nothingYet(wanted));
      goOn();
      byId("playground").scrollIntoView({ block: "nearest" });
    }
  });
  addEventListener("pagehide", keep);
  addEventListener("online", () => wake());
  document.addEventListener("visibilitychange", () => {
    keep();
    if (document.visibilityState === "visible") {
      wake();
    }
  });
  showMode();
  show();
  restore();

  return {
    /** How the followed request stands, where it is among those that were looked at. */
    stands(rows) {
      const row = following !== null && connected ? rows.find((each) => each.id === run.id) : undefined;
      if (row?.state === "paused") {
        say("Paused; it goes on when it is resumed.", "waiting");
      } else if (row?.pending_reason) {
        say(`Waiting: it ${row.pending_reason.text}.`, "waiting");
      } else if (row && row.state !== "finished") {
        say("Streaming", "running");
      }
    },

    /** There may be a key now, or the server may be back. */
    again() {
      if (following !== null) {
        wake();
      } else if (run && !run.done) {
        goOn();
      }
    },
  };
}
