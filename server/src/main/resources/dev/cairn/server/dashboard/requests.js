// The table of requests: a tree, kept in place from one look to the next so that focus stays.

import { call } from "./api.js";
import { age, byId, element, meter, setText, shortId, whole } from "./dom.js";

const FILTERS = [
  { state: "", label: "Live", count: (c) => c.accepted + c.assigned + c.paused, none: "No request is live." },
  { state: "accepted", label: "Unplaced", count: (c) => c.accepted, none: "Every request is with a device." },
  { state: "assigned", label: "On a device", count: (c) => c.assigned, none: "No request is with a device." },
  { state: "paused", label: "Paused", count: (c) => c.paused, none: "No request is paused." },
  { state: "finished", label: "Ended", count: (c) => c.finished, none: "None ended in the last minutes." },
];

const DONE = {
  pause: (status) => (status.state === "paused" ? "is paused" : "had ended before"),
  resume: (status) => (status.state === "finished" ? "had ended before" : "goes on"),
  cancel: (status) => (status.finish_reason === "cancelled" ? "is cancelled" : "had ended before"),
};

/**
 * @param told says what came of an action
 * @param changed asks for another look
 */
export function requestsTable({ told, changed, refused }) {
  const rows = new Map();
  const collapsed = new Set();
  const body = byId("rows");
  let wanted = "";
  let latest = null;

  const chips = FILTERS.map((filter) => {
    const count = element("span", { class: "count" });
    const chip = element(
      "button",
      { type: "button", "aria-pressed": String(filter.state === wanted), "data-state": filter.state },
      filter.label,
      " ",
      count,
    );
    chip.addEventListener("click", () => {
      wanted = filter.state;
      chips.forEach((each) =>
        each.chip.setAttribute("aria-pressed", String(each.filter.state === wanted)),
      );
      changed();
    });
    return { filter, chip, count };
  });
  byId("filter").append(...chips.map((each) => each.chip));

  async function act(id, what) {
    const row = rows.get(id);
    row.busy = true;
    row.show();
    try {
      const reply = await call(`v1/requests/${encodeURIComponent(id)}/${what}`, { method: "POST" });
      const status = await reply.json();
      row.data = { ...row.data, state: status.state, finish_reason: status.finish_reason, pending_reason: null };
      told(`Request ${shortId(id)} ${DONE[what](status)}.`);
    } catch (error) {
      refused(error, `Request ${shortId(id)} could not be told to ${what}`);
    }
    row.busy = false;
    row.show();
    changed();
  }

  function show(requests) {
    latest = requests;
    chips.forEach(({ filter, count }) => setText(count, whole(filter.count(requests.counts))));
    const known = new Set(requests.data.map((each) => each.id));
    for (const [id, row] of rows) {
      if (!known.has(id)) {
        row.line.remove();
        rows.delete(id);
        collapsed.delete(id);
      }
    }
    const children = new Map();
    const roots = [];
    for (const each of requests.data) {
      if (!rows.has(each.id)) {
        rows.set(each.id, requestRow(each, { act, toggle }));
      }
      rows.get(each.id).data = each;
      if (known.has(each.parent)) {
        children.set(each.parent, [...(children.get(each.parent) ?? []), each.id]);
      } else {
        roots.push(each.id);
      }
    }
    const order = [];
    const placed = new Set();
    const place = (id, depth, hidden) => {
      if (placed.has(id)) {
        return;
      }
      placed.add(id);
      const row = rows.get(id);
      const below = children.get(id) ?? [];
      Object.assign(row, { depth, hidden, children: below.length, open: !collapsed.has(id) });
      row.show();
      order.push(row.line);
      // The oldest child first, as they were made.
      below.reverse().forEach((child) => place(child, depth + 1, hidden || collapsed.has(id)));
    };
    roots.forEach((id) => place(id, 0, false));
    // A request that names itself, or one of those below it, as its parent has no root.
    requests.data.forEach((each) => place(each.id, 0, false));
    body.dataset.tree = String(children.size > 0);
    arrange(body, order);
    const filter = FILTERS.find((each) => each.state === wanted);
    byId("no-requests").hidden = order.length > 0;
    setText(byId("no-requests"), filter.none);
    byId("more").hidden = requests.more === 0;
    setText(byId("more"), `${whole(requests.more)} more, older than these`);
  }

  function toggle(id) {
    if (!collapsed.delete(id)) {
      collapsed.add(id);
    }
    show(latest);
  }

  return { show, state: () => wanted };
}

/** Puts lines in an order without moving those that stand right. */
function arrange(body, order) {
  let at = body.firstElementChild;
  for (const line of order) {
    if (line === at) {
      at = at.nextElementSibling;
    } else {
      body.insertBefore(line, at);
    }
  }
}

function requestRow(first, { act, toggle }) {
  const { id } = first;
  const short = shortId(id);
  const twist = element("button", { type: "button", class: "twist" });
  twist.addEventListener("click", () => toggle(id));
  const name = element("a", { class: "id", href: `#request=${encodeURIComponent(id)}`, title: id }, short);
  name.setAttribute(
    "aria-label",
    `Request ${id}${first.parent ? `, part of ${first.parent}` : ""}: follow it in the playground`,
  );
  const parent = element("span", { class: "note" });
  const dot = element("span", { class: "dot", "aria-hidden": "true" });
  const state = element("span", { class: "state" });
  const reason = element("span", { class: "note reason" });
  const counts = element("span", { class: "num" });
  const bar = meter("Tokens");
  const since = element("span", { class: "num" });
  const tenant = element("span");
  const buttons = Object.fromEntries(
    ["pause", "resume", "cancel"].map((what) => {
      const label = what[0].toUpperCase() + what.slice(1);
      const button = element("button", { type: "button", class: `small ${what}` }, label);
      button.setAttribute("aria-label", `${label} request ${short}`);
      button.addEventListener("click", () => act(id, what));
      return [what, button];
    }),
  );
  const cell = (kind, ...children) => element("td", { role: "cell", class: kind }, ...children);
  const line = element(
    "tr",
    { role: "row", "data-id": id },
    cell("c-id", twist, element("span", { class: "names" }, name, parent)),
    cell("c-state", dot, element("span", {}, state, reason)),
    cell("c-tokens", counts, bar.bar),
    cell("c-age", since),
    cell("c-tenant", tenant),
    cell("c-do", buttons.pause, buttons.resume, buttons.cancel),
  );
  return {
    line,
    data: first,
    depth: 0,
    children: 0,
    open: true,
    hidden: false,
    busy: false,
    show() {
      const now = this.data;
      const shown = standing(now);
      line.hidden = this.hidden;
      line.dataset.state = now.state;
      line.style.setProperty("--depth", String(Math.min(this.depth, 6)));
      twist.classList.toggle("leaf", this.children === 0);
      twist.setAttribute("aria-expanded", String(this.open));
      twist.setAttribute("aria-label", `${this.children} requests below ${short}`);
      setText(parent, this.depth === 0 && now.parent ? `below ${shortId(now.parent)}` : "");
      dot.dataset.kind = shown.kind;
      setText(state, shown.text);
      setText(reason, shown.note);
      reason.title = shown.note;
      setText(counts, `${whole(now.completion_tokens)} / ${whole(now.max_tokens)}`);
      bar.set(now.completion_tokens, now.max_tokens);
      setText(since, age(now.age_ms));
      setText(tenant, now.tenant || "–");
      const ended = now.state === "finished";
      buttons.pause.hidden = ended || now.state === "paused";
      buttons.resume.hidden = now.state !== "paused";
      buttons.cancel.hidden = ended;
      Object.values(buttons).forEach((button) => (button.disabled = this.busy));
    },
  };
}

/** How a request stands, in words. */
function standing(row) {
  const why = row.pending_reason?.text ?? "";
  if (row.state === "finished") {
    return { kind: row.finish_reason === "error" ? "bad" : "ended", text: `ended: ${row.finish_reason}`, note: "" };
  }
  if (row.state === "paused") {
    return { kind: "paused", text: "paused", note: row.pending_reason?.code === "paused" ? "" : why };
  }
  if (row.state === "assigned" && !why) {
    return { kind: "running", text: "running", note: row.device };
  }
  return { kind: "waiting", text: "waiting", note: why };
}
