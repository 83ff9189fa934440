// What scenarios of the dashboard have in common.
import { BASE, until } from './browser.mjs';

export const PROMPT = 'Once upon a time, there was a little fox who';
export const RUN = { prompt: PROMPT, max_tokens: 400, seed: 11, temperature: 0.8 };

export async function open(context, fragment = '') {
  const page = await context.newPage();
  await page.goto(BASE + fragment);
  await page.locator('#link[data-state=live]').waitFor();
  return page;
}

export const text = (page) => page.locator('#text').textContent();
export const row = (page, id) => page.locator(`tr[data-id="${id}"]`);
export const says = (page, words) => page.locator('#run-state', { hasText: words }).waitFor();

export async function start(page, run = RUN) {
  await page.getByLabel(run.messages ? 'Chat' : 'Prompt', { exact: true }).first().check({ force: true });
  await page.locator('[name=prompt]').fill(run.prompt);
  await page.getByLabel('Most tokens').fill(String(run.max_tokens));
  await page.getByLabel('Temperature').fill(String(run.temperature));
  await page.getByLabel('Seed').fill(String(run.seed));
  await page.getByRole('button', { name: 'Run' }).click();
}

/** The id of the run, which the page puts into its address. */
export async function runId(page) {
  const match = await until('an id in the address', () => /#request=(.+)$/.exec(page.url()));
  return match[1];
}
