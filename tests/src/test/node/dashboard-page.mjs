// What the dashboard shows and what its buttons do, in a browser, a scenario at a time.
import assert from 'node:assert/strict';
import { api, BASE, main, status, until } from './browser.mjs';
import { open, PROMPT, row, RUN, runId, says, start, text } from './dashboard.mjs';

async function measure(page) {
  return page.evaluate(() => ({
    wide: document.documentElement.scrollWidth,
    window: window.innerWidth,
    ground: getComputedStyle(document.documentElement).backgroundColor,
  }));
}

function brightness(color) {
  const [red, green, blue] = color.match(/[0-9.]+/g).map(Number);
  return (red + green + blue) / (3 * 255);
}

await main({
  buttons: {
    async run(context) {
      // The test has paused the device, so that nothing here ends by itself.
      const make = async (parent) =>
        (await api('POST', '/v1/responses', { input: PROMPT, background: true, max_output_tokens: 50, parent },
          { 'x-cairn-tenant': 'acme' })).id;
      const root = await make();
      const child = await make(root);
      const leaf = await make(child);
      const page = await open(await context());
      for (const id of [root, child, leaf]) {
        await row(page, id).locator('.state', { hasText: 'waiting' }).waitFor();
      }
      const reason = (await status(root)).pending_reason.text;
      assert.equal(await row(page, root).locator('.reason').textContent(), reason);
      assert.match(await row(page, root).textContent(), /acme/);
      const order = await page.locator('#rows tr').evaluateAll((lines) => lines.map((line) => line.dataset.id));
      assert.deepEqual(order, [root, child, leaf]);
      const at = async (id) => (await row(page, id).locator('.id').boundingBox()).x;
      assert.ok((await at(root)) < (await at(child)) && (await at(child)) < (await at(leaf)));
      await page.locator('[data-device="cpu-0"]', { hasText: 'paused' }).waitFor();

      const twist = row(page, root).locator('.twist');
      assert.equal(await twist.getAttribute('aria-expanded'), 'true');
      await twist.click();
      await row(page, child).waitFor({ state: 'hidden' });
      await row(page, leaf).waitFor({ state: 'hidden' });
      await twist.click();
      await row(page, leaf).waitFor();

      await row(page, leaf).getByRole('button', { name: 'Pause' }).click();
      await page.locator('#told', { hasText: 'is paused' }).waitFor();
      assert.equal((await status(leaf)).state, 'paused');
      await page.locator('#filter').getByRole('button', { name: /^Paused/ }).click();
      await row(page, root).waitFor({ state: 'detached' });
      await row(page, leaf).getByRole('button', { name: 'Resume' }).click();
      await page.locator('#told', { hasText: 'goes on' }).waitFor();
      assert.notEqual((await status(leaf)).state, 'paused');
      await page.locator('#filter').getByRole('button', { name: /^Live/ }).click();

      await row(page, child).getByRole('button', { name: 'Cancel' }).click();
      await page.locator('#told', { hasText: 'is cancelled' }).waitFor();
      assert.equal((await status(child)).finish_reason, 'cancelled');
      assert.equal((await status(leaf)).finish_reason, 'cancelled');
      assert.equal((await status(root)).finish_reason, null);
      await row(page, child).waitFor({ state: 'detached' });
      await page.locator('#filter').getByRole('button', { name: /^Ended/ }).click();
      await row(page, child).locator('.state', { hasText: 'cancelled' }).waitFor();
      assert.equal(await row(page, child).getByRole('button', { name: 'Cancel' }).count(), 0);

      // max-rows is 3 here.
      await page.locator('#filter').getByRole('button', { name: /^Live/ }).click();
      await Promise.all([make(), make(), make(), make()]);
      await page.locator('#more', { hasText: '2 more' }).waitFor();
      assert.equal(await page.locator('#rows tr').count(), 3);

      await start(page);
      await says(page, 'Waiting');
      await page.getByRole('button', { name: 'Stop' }).click();
      await says(page, 'Stopped');
      assert.equal((await status(await runId(page))).finish_reason, 'cancelled');
    },
  },

  looks: {
    async run(context) {
      for (const colorScheme of ['light', 'dark']) {
        const page = await open(await context({ colorScheme }));
        const system = brightness((await measure(page)).ground);
        assert.ok(colorScheme === 'dark' ? system < 0.2 : system > 0.8, `${colorScheme}: ${system}`);
        await page.getByRole('button', { name: 'Switch theme' }).click();
        const other = brightness((await measure(page)).ground);
        assert.ok(colorScheme === 'dark' ? other > 0.8 : other < 0.2, `not ${colorScheme}: ${other}`);
        await page.reload();
        assert.equal(brightness((await measure(page)).ground), other);
      }
      const long = 'w'.repeat(64);
      const parent = (await api('POST', '/v1/responses', { input: PROMPT, background: true },
        { 'x-cairn-tenant': long })).id;
      await api('POST', '/v1/responses', { input: PROMPT, background: true, parent }, { 'x-cairn-tenant': long });
      for (const width of [320, 390, 768, 1060, 1280]) {
        const page = await open(await context({ viewport: { width, height: 844 } }));
        await row(page, parent).waitFor();
        await start(page, { ...RUN, prompt: `The ${'long'.repeat(80)} word`, max_tokens: 20 });
        await says(page, 'Waiting');
        const { wide, window } = await measure(page);
        assert.equal(window, width);
        assert.ok(wide <= width, `${wide} pixels in a window of ${width}`);
        if (width === 390) {
          const [requests, playground] = [await page.locator('#requests').boundingBox(),
            await page.locator('#playground').boundingBox()];
          assert.equal(requests.x, playground.x);
          assert.ok(requests.width > 340 && playground.y > requests.y + requests.height);
        }
        const unnamed = await page.evaluate(() =>
          [...document.querySelectorAll('button, input, textarea, a')]
            .filter((each) => !(each.getAttribute('aria-label') || each.labels?.length || each.textContent.trim()))
            .map((each) => each.outerHTML));
        assert.deepEqual(unnamed, []);
        await page.getByRole('button', { name: 'Stop' }).click();
        await says(page, 'Stopped');
      }
    },
  },

  hostile: {
    async run(context) {
      const evil = '<script>window.hacked=1</script><img src=x onerror="window.hacked=1"><b>bold</b>';
      const browser = await context();
      await browser.route('**/dashboard/state*', async (route) => {
        const reply = await route.fetch();
        const state = await reply.json();
        const wrong = (value) =>
          typeof value === 'string' && !/^[a-z]+$/.test(value) ? evil : value;
        const spoil = (value) =>
          Array.isArray(value)
            ? value.map(spoil)
            : value && typeof value === 'object'
              ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, spoil(each)]))
              : wrong(value);
        const rows = [{ ...state.requests.data[0], pending_reason: { code: 'x', text: evil } }];
        const requests = { ...state.requests, data: rows };
        await route.fulfill({ json: spoil({ ...state, requests, unanswered: [evil] }) });
      });
      const chunk = JSON.stringify({ choices: [{ text: evil, finish_reason: 'stop' }] });
      await browser.route('**/v1/completions', (route) =>
        route.fulfill({
          headers: { 'content-type': 'text/event-stream', 'x-request-id': 'evil' },
          body: `id: 1\ndata: ${chunk}\n\ndata: [DONE]\n\n`,
        }));
      await api('POST', '/v1/responses', { input: PROMPT, background: true });
      const page = await open(browser);
      await page.locator('#rows .reason', { hasText: '<script>' }).waitFor();
      await page.locator('#notice', { hasText: '<img' }).waitFor();
      await start(page, { ...RUN, prompt: evil });
      await says(page, 'Ended');
      assert.equal(await text(page), evil);
      assert.equal(await page.locator('#asked').textContent(), evil);
      await page.reload();
      await says(page, 'Ended');
      assert.equal(await text(page), evil);
      const found = await page.evaluate(() => ({
        hacked: window.hacked,
        scripts: document.querySelectorAll('body script').length,
        images: document.querySelectorAll('img:not(.logo)').length,
        bold: document.querySelectorAll('b').length,
      }));
      assert.deepEqual(found, { hacked: undefined, scripts: 0, images: 0, bold: 0 });
      // The policy would not have it either.
      const refused = await page.evaluate(() => {
        try {
          document.body.innerHTML = 'x';
          return false;
        } catch (error) {
          return error instanceof TypeError;
        }
      });
      assert.ok(refused);
    },
    expected: /TrustedHTML|Trusted Type/,
  },

  keys: {
    expected: /Failed to load resource.*40[13]/,
    async run(context) {
      const browser = await context();
      const page = await browser.newPage();
      await page.goto(BASE);
      const dialog = page.getByRole('dialog');
      await dialog.waitFor();
      await dialog.getByLabel('Key').fill('wrong');
      await dialog.getByRole('button', { name: 'Use key' }).click();
      await dialog.locator('#key-why', { hasText: "not one of this server's" }).waitFor();
      await dialog.getByLabel('Key').fill('the-user');
      await dialog.getByRole('button', { name: 'Use key' }).click();
      await page.locator('#link[data-state=live]').waitFor();
      await dialog.waitFor({ state: 'hidden' });
      await page.locator('#tiles', { hasText: 'of acme' }).waitFor();
      assert.ok(await page.locator('#devices-card').isHidden());
      const user = { authorization: 'Bearer the-user' };
      await start(page, { ...RUN, max_tokens: 30 });
      await says(page, 'Ended');
      await page.reload();
      await page.locator('#link[data-state=live]').waitFor();
      assert.equal(await text(page), (await api('GET', `/v1/requests/${await runId(page)}`, undefined, user)).text);
      const kept = await page.evaluate(() => [JSON.stringify({ ...localStorage }), location.href]);
      assert.ok(!kept.join().includes('the-user'), kept.join());
      await page.getByRole('button', { name: 'Key', exact: true }).click();
      await dialog.getByLabel('Key').fill('the-admin');
      await dialog.getByRole('button', { name: 'Use key' }).click();
      await page.locator('[data-device="cpu-0"]').waitFor();
      // Another tab has to be told.
      const other = await browser.newPage();
      await other.goto(BASE);
      await other.getByRole('dialog').waitFor();
    },
  },

  polls: {
    async run(context) {
      const browser = await context();
      const page = await browser.newPage();
      await page.addInitScript(() => {
        let seen = 'visible';
        Object.defineProperty(document, 'visibilityState', { get: () => seen });
        window.show = (now) => {
          seen = now;
          document.dispatchEvent(new Event('visibilitychange'));
        };
      });
      await page.clock.install();
      let looks = 0;
      let open = 0;
      let most = 0;
      await page.route('**/dashboard/state*', async (route) => {
        looks++;
        most = Math.max(most, ++open);
        const reply = await route.fetch();
        open--;
        await route.fulfill({ response: reply });
      });
      await page.goto(BASE);
      const look = async () => {
        const before = looks;
        await until('another look', async () => {
          await page.clock.runFor(1000);
          return looks > before && open === 0;
        });
      };
      await look();
      await look();
      await page.evaluate(() => window.show('hidden'));
      await until('the end of the last look', () => open === 0);
      const seen = looks;
      await page.clock.runFor(600_000);
      assert.equal(looks, seen);
      await page.evaluate(() => {
        // However often it is asked to look, it looks once at a time.
        for (let i = 0; i < 20; i++) {
          window.show('visible');
        }
      });
      await look();
      assert.equal(most, 1);
    },
  },
});
process.exit(0);
