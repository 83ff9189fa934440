// The page: looks at the server every few seconds, one look at a time and none while nobody sees it.

import { Backoff, json, key, Refused, setKey } from "./api.js";
import { deviceCards, journalCards, tiles } from "./devices.js";
import { byId, setText, store } from "./dom.js";
import { playground } from "./playground.js";
import { requestsTable } from "./requests.js";

const LOOK_MS = 10_000;
const TOLD_MS = 8000;
const backoff = new Backoff(500, 8000);
let looking = false;
let again = false;
let timer = 0;
let toldTimer = 0;
let needsKey = false;
let wasAway = false;

function link(state, words) {
  byId("link").dataset.state = state;
  setText(byId("link"), words);
}

function notice(words) {
  byId("notice").hidden = words === "";
  setText(byId("notice"), words);
}

function told(words) {
  setText(byId("told"), words);
  clearTimeout(toldTimer);
  toldTimer = setTimeout(() => setText(byId("told"), ""), TOLD_MS);
}

function askForKey(why) {
  needsKey = true;
  link("waiting", "Needs a key");
  byId("key-button").hidden = false;
  setText(byId("key-why"), why);
  if (!byId("key-dialog").open) {
    byId("key-dialog").showModal();
  }
}

function refused(error, what) {
  if (error instanceof Refused && error.status === 401) {
    askForKey(error.message);
  } else {
    told(`${what}: ${error.message}`);
  }
}

const showDevices = deviceCards();
const showJournals = journalCards();
const showTiles = tiles();
const requests = requestsTable({ told, refused, changed: () => look() });
const play = playground({ needsKey: askForKey, changed: () => look() });

function show(state) {
  setText(byId("model"), state.model);
  requests.show(state.requests);
  play.stands(state.requests.data);
  showDevices(state.devices);
  showTiles(state, showJournals(state.journals));
  const everything = state.tenant === null;
  byId("devices-card").hidden = !everything;
  byId("journal-card").hidden = !everything;
  const words = state.nodes.flatMap((node) => [
    ...node.reasons.map((reason) => `${node.node} is not ready: ${reason}.`),
    ...(node.draining ? [`${node.node} is being drained.`] : []),
  ]);
  words.push(...state.unanswered.map((node) => `${node} does not answer.`));
  notice(words.join(" "));
}

async function look() {
  if (looking) {
    again = true;
    return;
  }
  clearTimeout(timer);
  if (document.visibilityState !== "visible" || needsKey) {
    return;
  }
  looking = true;
  again = false;
  let wait = 0;
  try {
    const state = requests.state();
    const path = `dashboard/state${state ? `?state=${state}` : ""}`;
    const now = await json(path, { signal: AbortSignal.timeout(LOOK_MS) });
    show(now);
    wait = now.refresh_ms;
    backoff.reset();
    link("live", "Live");
    byId("key-button").hidden = key() === "";
    if (wasAway) {
      wasAway = false;
      play.again();
    }
  } catch (error) {
    wait = backoff.next(error.retryAfterMs ?? 0);
    if (error instanceof Refused && error.status === 401) {
      askForKey(error.message);
    } else if (error instanceof Refused && !error.passes) {
      link("waiting", "Refused");
      notice(error.message);
    } else {
      wasAway = true;
      link("waiting", "Waiting for the server");
    }
  }
  looking = false;
  timer = setTimeout(look, again ? 0 : wait);
}

byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = event.target.elements.key;
  setKey(field.value.trim());
  field.value = "";
  byId("key-dialog").close();
  needsKey = false;
  look();
  play.again();
});
byId("key-cancel").addEventListener("click", () => byId("key-dialog").close());
byId("key-button").addEventListener("click", () => {
  setText(byId("key-why"), key() ? "Another key takes the place of the one in use." : "This server asks for a key.");
  byId("key-dialog").showModal();
});

const local = store("localStorage");
byId("theme-button").addEventListener("click", () => {
  const now = document.documentElement.dataset.theme;
  const dark = now ? now === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const next = dark ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  local.set("cairn.theme", next);
});

document.addEventListener("visibilitychange", () => look());
addEventListener("online", () => look());
look();
