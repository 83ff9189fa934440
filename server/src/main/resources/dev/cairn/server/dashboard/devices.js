// Devices, journals, and the few figures on top of the page.

import { byId, bytes, element, meter, millis, rate, setText, whole } from "./dom.js";

/** Parts that are kept from one look to the next, by name. */
function kept(parent, make) {
  const parts = new Map();
  return (list, name, show) => {
    const names = new Set(list.map(name));
    for (const [known, part] of parts) {
      if (!names.has(known)) {
        part.root.remove();
        parts.delete(known);
      }
    }
    for (const each of list) {
      if (!parts.has(name(each))) {
        const part = make(each);
        parts.set(name(each), part);
        parent.append(part.root);
      }
      show(parts.get(name(each)), each);
    }
  };
}

function figures(names) {
  const values = names.map(() => element("dd"));
  const root = element(
    "dl",
    { class: "figures" },
    ...names.map((name, i) => element("div", {}, element("dt", {}, name), values[i])),
  );
  return { root, set: (...texts) => texts.forEach((text, i) => setText(values[i], text)) };
}

function deviceState(device) {
  return !device.answers
    ? { kind: "bad", text: "silent" }
    : device.paused
      ? { kind: "paused", text: "paused" }
      : device.draining
        ? { kind: "waiting", text: "draining" }
        : device.running > 0
          ? { kind: "running", text: "running" }
          : { kind: "ended", text: "idle" };
}

export function deviceCards() {
  const show = kept(byId("devices"), (device) => {
    const dot = element("span", { class: "dot", "aria-hidden": "true" });
    const state = element("span", { class: "state" });
    const bar = meter(`KV cache of ${device.name}`);
    const kv = element("span", { class: "num note" });
    const numbers = figures(["In the batch", "Waiting", "Tokens/s lately", "Tokens to come"]);
    const root = element(
      "article",
      { class: "device", "data-device": device.name },
      element("h3", {}, device.name, " ", element("span", { class: "note" }, device.backend)),
      element("p", { class: "line" }, dot, state),
      element("p", { class: "kv" }, element("span", { class: "note" }, "KV cache"), kv, bar.bar),
      numbers.root,
    );
    return { root, dot, state, bar, kv, numbers };
  });
  return (devices) =>
    show(
      devices,
      (device) => device.name,
      (part, device) => {
        const now = deviceState(device);
        part.dot.dataset.kind = now.kind;
        setText(part.state, now.text);
        part.bar.set(device.kv_tokens_used, device.kv_tokens);
        setText(part.kv, `${whole(device.kv_tokens_used)} / ${whole(device.kv_tokens)} tokens`);
        part.numbers.set(
          whole(device.running),
          whole(device.waiting),
          device.tokens_per_second === null ? "–" : rate(device.tokens_per_second),
          whole(device.queue_tokens),
        );
      },
    );
}

/** How many commits a second a journal made since the look before. */
class CommitRate {
  constructor() {
    this.before = null;
  }

  of(journal, nowMs) {
    const { before } = this;
    this.before = { commits: journal.commits, atMs: nowMs };
    // A journal that counts less than before was opened anew.
    return before === null || journal.commits < before.commits || nowMs <= before.atMs
      ? null
      : ((journal.commits - before.commits) * 1000) / (nowMs - before.atMs);
  }
}

export function journalCards() {
  const rates = new Map();
  const show = kept(byId("journals"), (journal) => {
    const numbers = figures([
      "Commits/s",
      "Last commit",
      "Failed writes",
      "Writes waiting",
      "Events in a commit",
      "On disk",
    ]);
    const title = element("h3", {}, `${journal.profile}, ${journal.durability}`);
    const note = element("p", { class: "warn" });
    const root = element("article", { class: "journal", "data-node": journal.node }, title, numbers.root, note);
    return { root, numbers, note };
  });
  return (journals) => {
    const nowMs = performance.now();
    let sum = null;
    show(
      journals,
      (journal) => journal.node,
      (part, journal) => {
        if (!rates.has(journal.node)) {
          rates.set(journal.node, new CommitRate());
        }
        const each = rates.get(journal.node).of(journal, nowMs);
        sum = each === null ? sum : (sum ?? 0) + each;
        part.numbers.set(
          each === null ? "–" : rate(each),
          millis(journal.last_commit_seconds * 1000),
          whole(journal.failed_writes + journal.overloads),
          whole(journal.queue_depth),
          journal.commits === 0 ? "–" : rate(journal.events / journal.commits),
          journal.disk_bytes === 0 ? "–" : bytes(journal.disk_bytes),
        );
        const slow = journal.current_commit_seconds > 1;
        setText(
          part.note,
          journal.failure
            ? `It failed: ${journal.failure}`
            : journal.disk_full
              ? "The disk is full: new requests are refused."
              : slow
                ? `The disk is slow: a commit has taken ${millis(journal.current_commit_seconds * 1000)} so far.`
                : "",
        );
        part.note.hidden = part.note.textContent === "";
      },
    );
    return sum;
  };
}

export function tiles() {
  const names = ["Live requests", "Tokens/s", "KV cache", "Commits/s"];
  const made = names.map((name) => {
    const value = element("span", { class: "value" }, "–");
    const note = element("span", { class: "note" });
    return {
      value,
      note,
      root: element("div", { class: "tile" }, element("span", { class: "name" }, name), value, note),
    };
  });
  byId("tiles").append(...made.map((each) => each.root));
  const set = (index, value, note) => {
    setText(made[index].value, value);
    setText(made[index].note, note);
  };
  return (state, commits) => {
    const { counts } = state.requests;
    const everything = state.tenant === null;
    made.slice(1).forEach((each) => (each.root.hidden = !everything));
    const most = state.nodes.reduce((sum, node) => sum + node.max_unfinished, 0);
    set(
      0,
      whole(counts.accepted + counts.assigned + counts.paused),
      everything ? `of ${whole(most)}` : `of ${state.tenant}`,
    );
    const answering = state.devices.filter((each) => each.answers);
    const speed = answering.reduce((sum, each) => sum + (each.tokens_per_second ?? 0), 0);
    const batch = answering.reduce((sum, each) => sum + each.running, 0);
    set(1, batch > 0 ? rate(speed) : "0", batch > 0 ? `batch of ${whole(batch)}` : "nothing runs");
    const room = state.devices.reduce((sum, each) => sum + each.kv_tokens, 0);
    const used = state.devices.reduce((sum, each) => sum + each.kv_tokens_used, 0);
    set(2, room > 0 ? `${rate((used / room) * 100)} %` : "–", room > 0 ? `of ${whole(room)} tokens` : "no device");
    const failed = state.journals.reduce((sum, each) => sum + each.failed_writes + each.overloads, 0);
    set(
      3,
      commits === null ? "–" : rate(commits),
      failed === 0 ? "no failed write" : `${whole(failed)} failed writes`,
    );
  };
}
