// Debian's Chromium with a profile of its own, and a record of what its pages ask for and complain of.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const LIMIT_MS = 120_000;
const ARGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

export const BASE = process.env.CAIRN_URL;

/** Asks until the answer is right, for as long as anything here may take. */
export async function until(what, ask) {
  const end = Date.now() + LIMIT_MS;
  let last;
  while (Date.now() < end) {
    last = await ask();
    if (last) {
      return last;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${what}: not within ${LIMIT_MS} ms`);
}

/** The API, as a client beside the browser uses it. */
export async function api(method, path, body, headers = {}) {
  const reply = await fetch(new URL(path, BASE), {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const json = await reply.json();
  assert.ok(reply.ok, `${method} ${path}: ${JSON.stringify(json)}`);
  return json;
}

export const status = (id) => api('GET', `/v1/requests/${id}`);

/**
 * Runs scenarios of a browser: the one that the first argument names. It passes where it throws
 * nothing, its pages asked no other host for anything, and complained of nothing but of what the
 * scenario expects.
 */
export async function main(scenarios) {
  const name = process.argv[2];
  const { expected = /^$/, run } = scenarios[name];
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGS });
  const complaints = [];
  const urls = new Set();
  const contexts = [];
  try {
    await run(async (options = {}) => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
      contexts.push(context);
      context.setDefaultTimeout(LIMIT_MS);
      context.on('request', (request) => urls.add(request.url()));
      context.on('console', (message) => {
        if (message.type() === 'error' && !expected.test(message.text())) {
          complaints.push(message.text());
        }
      });
      context.on('weberror', (error) => complaints.push(String(error.error())));
      return context;
    });
  } finally {
    // Pages go on asking until they are closed; what is under way then is nobody's error.
    for (const context of contexts) {
      await context.unrouteAll({ behavior: 'ignoreErrors' });
      for (const page of context.pages()) {
        await page.unrouteAll({ behavior: 'ignoreErrors' });
      }
    }
    await browser.close();
  }
  assert.deepEqual(complaints, [], 'what pages complained of');
  const others = [...urls].filter((url) => !url.startsWith(BASE) && !url.startsWith('data:'));
  assert.deepEqual(others, [], 'what pages asked of others');
  assert.ok([...urls].some((url) => url.startsWith(`${BASE}dashboard/state`)), 'nothing was recorded');
  console.log(`passed ${name}`);
}
