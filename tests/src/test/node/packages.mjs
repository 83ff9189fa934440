// What tests of the packages themselves need: that they load, and that a script may be typed to.
import assert from 'node:assert/strict';
import readline from 'node:readline/promises';
import OpenAI from 'openai';
import { chromium } from 'playwright-core';

const [what] = process.argv.slice(2);
assert.notEqual(what, 'fail', 'asked to fail');
console.log(`started ${what} ${process.env.CAIRN_X}`);
const line = await readline.createInterface({ input: process.stdin }).question('');
console.log(`read ${line}`);
console.log(`openai ${typeof OpenAI}`);
console.log(`playwright ${chromium.name() === 'chromium' ? 'ok' : chromium.name()}`);
process.exit(0);
