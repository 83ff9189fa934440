// The playground of the dashboard in a browser, a scenario at a time.
import assert from 'node:assert/strict';
import readline from 'node:readline';
import { api, main, status, until } from './browser.mjs';
import { open, PROMPT, row, RUN, runId, says, start, text } from './dashboard.mjs';

const LINES = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const CUT_OFF = /Failed to load resource|ERR_(CONNECTION|EMPTY|INCOMPLETE|SOCKET|ABORTED)/;

/** Tells the test to do something, and waits until it says that it has. */
async function ask(what) {
  console.log(`please ${what}`);
  await LINES.next();
}

/** What a client that nothing disturbs gets for a run. */
async function undisturbed(run) {
  const { messages, prompt, ...rest } = run;
  const path = messages ? '/v1/chat/completions' : '/v1/completions';
  const answer = await api('POST', path, messages ? { messages, ...rest } : { prompt, ...rest });
  return answer.choices[0].text ?? answer.choices[0].message.content;
}

/** A run that is paused in its middle: one that had ended before is begun again. */
async function pausedInTheMiddle(page) {
  for (let attempt = 0; attempt < 20; attempt++) {
    await start(page);
    const id = await until('a run', async () => {
      const now = /#request=(.+)$/.exec(page.url());
      return now && (await text(page)).length > 0 ? now[1] : null;
    });
    const now = await api('POST', `/v1/requests/${id}/pause`);
    if (now.state === 'paused') {
      assert.ok(now.completion_tokens > 0 && now.completion_tokens < RUN.max_tokens, `${now.completion_tokens} tokens`);
      await until('the text so far', async () => (await text(page)) === now.text);
      return { id, before: now.text };
    }
    await says(page, 'Ended');
  }
  throw new Error('every run ended before it was paused');
}

await main({
  streams: {
    async run(context) {
      const expected = await undisturbed(RUN);
      const page = await open(await context());
      await start(page);
      await says(page, 'Ended');
      assert.equal(await text(page), expected);
      assert.equal(await page.locator('#asked').textContent(), PROMPT);
      const id = await runId(page);
      const tokens = (await status(id)).completion_tokens;
      assert.equal(await page.locator('#run-tokens').textContent(), String(tokens));
      assert.match(await page.locator('#run-rate').textContent(), /^[0-9.,]+$/);
      assert.match(await page.locator('#run-first').textContent(), /^[0-9.,]+ m?s$/);
      assert.equal((await status(id)).seed, 11);

      const chat = { ...RUN, max_tokens: 40, messages: [{ role: 'user', content: PROMPT }] };
      await start(page, chat);
      await page.waitForURL((url) => url.hash !== '' && !url.hash.endsWith(id));
      await says(page, 'Ended');
      assert.equal(await text(page), await undisturbed(chat));

      await page.getByRole('button', { name: 'New' }).click();
      assert.equal(await text(page), '');
      assert.equal(new URL(page.url()).hash, '');
    },
  },

  reload: {
    expected: CUT_OFF,
    async run(context) {
      const expected = await undisturbed(RUN);
      const browser = await context();
      const page = await open(browser);
      const { id, before } = await pausedInTheMiddle(page);
      assert.ok(expected.startsWith(before) && before.length < expected.length);
      await page.reload();
      await says(page, 'Paused');
      assert.equal(await text(page), before);
      // A tab that knows nothing but the address begins at the beginning.
      const other = await open(browser, `#request=${id}`);
      await until('the text so far', async () => (await text(other)) === before);
      await row(page, id).getByRole('button', { name: 'Resume' }).click();
      for (const each of [page, other]) {
        await says(each, 'Ended');
        assert.equal(await text(each), expected);
      }
      await page.reload();
      await says(page, 'Ended');
      assert.equal(await text(page), expected);

      // As often as it takes to come into the middle of a stream that nobody halts.
      let reloads = 0;
      await start(page, { ...RUN, seed: 12 });
      await runId(page);
      do {
        await page.reload();
        reloads++;
        await page.locator('#run-state:not(:empty)').waitFor();
      } while (!(await page.locator('#run-state').textContent()).startsWith('Ended') && reloads < 50);
      await says(page, 'Ended');
      assert.equal(await text(page), await undisturbed({ ...RUN, seed: 12 }));
      console.log(`reloads ${reloads}`);
    },
  },

  restart: {
    expected: CUT_OFF,
    async run(context) {
      const expected = await undisturbed(RUN);
      const page = await open(await context());
      const { id, before } = await pausedInTheMiddle(page);
      await ask('kill');
      await says(page, 'does not answer');
      await page.locator('#link', { hasText: 'Waiting for the server' }).waitFor();
      assert.equal(await text(page), before);
      await ask('start');
      await page.locator('#link[data-state=live]').waitFor();
      await says(page, 'Paused');
      await row(page, id).getByRole('button', { name: 'Resume' }).click();
      await says(page, 'Ended');
      assert.equal(await text(page), expected);

      // Killed while it streams.
      await start(page, { ...RUN, seed: 12 });
      const second = await until('some text', async () => {
        const now = /#request=(.+)$/.exec(page.url());
        return now && now[1] !== id && (await text(page)).length > 0 ? now[1] : null;
      });
      await ask('kill and start');
      await says(page, 'Ended');
      assert.equal(await text(page), await undisturbed({ ...RUN, seed: 12 }));
      console.log(`attempts ${(await status(second)).attempts.length}`);
    },
  },

  'lost answer': {
    expected: CUT_OFF,
    async run(context) {
      const page = await open(await context());
      const keys = [];
      await page.route('**/v1/completions', async (route) => {
        keys.push(route.request().headers()['idempotency-key']);
        if (keys.length === 1) {
          // The server takes the request, and its answer comes to nobody.
          await route.fetch();
          await route.abort('connectionreset');
        } else {
          await route.continue();
        }
      });
      await start(page);
      await says(page, 'Ended');
      assert.equal(await text(page), await undisturbed(RUN));
      assert.equal(keys.length, 2);
      assert.equal(keys[0], keys[1]);
    },
  },
});
process.exit(0);
