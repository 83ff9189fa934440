// What the scripts that use OpenAI's client have in common: the client, and scenarios chosen by name.
import OpenAI from 'openai';

export const MODEL = 'Cairn Tales 5M';
export const TALE = { role: 'user', content: 'Tell me of the fox.' };

/** OpenAI's client of the server at CAIRN_URL; it repeats nothing unless a scenario asks for it. */
export function client(options = {}) {
  const url = process.env.CAIRN_URL;
  return new OpenAI({ apiKey: process.env.CAIRN_KEY ?? 'none', baseURL: url, maxRetries: 0, ...options });
}

/** Runs the scenario that the first argument names; what it throws ends the process with 1. */
export async function main(scenarios) {
  const name = process.argv[2];
  const scenario = scenarios[name];
  if (!scenario) {
    throw new Error(`there is no scenario ${name}; expected one of ${Object.keys(scenarios)}`);
  }
  await scenario();
  console.log(`passed ${name}`);
}

/** All items of a stream. */
export async function all(stream) {
  const items = [];
  for await (const item of stream) {
    items.push(item);
  }
  return items;
}

/** Asks until the answer is right; whoever started this process bounds how long. */
export async function until(ask) {
  for (;;) {
    const answer = await ask();
    if (answer) {
      return answer;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Responses in the background that keep the device busy, so that what a scenario asks for lasts. */
export async function busy(openai) {
  const other = { model: MODEL, input: TALE.content, max_output_tokens: 450, ignore_eos: true, background: true };
  return Promise.all(Array.from({ length: 24 }, () => openai.responses.create(other)));
}

/** How many requests the server has counted in a state. */
export async function requests(state) {
  const metrics = await (await fetch(new URL('/metrics', process.env.CAIRN_URL))).text();
  return Number(metrics.match(new RegExp(`^cairn_requests_total{state="${state}"} (.*)$`, 'm'))[1]);
}
