// Responses, as users of npm's openai have them: streamed, in the background, resumed and across a kill.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { MODEL, TALE, all, busy, client, main, requests, until } from './client.mjs';

const openai = client();
const asked = { model: MODEL, input: TALE.content, max_output_tokens: 40, temperature: 0.8, seed: 7 };
const LONG = { ...asked, max_output_tokens: 450, ignore_eos: true };
const ENDS = ['response.completed', 'response.incomplete'];

function text(events) {
  return events.filter((event) => event.type === 'response.output_text.delta').map((event) => event.delta).join('');
}

function assertOrder(events) {
  events.slice(1).forEach((event, i) => {
    assert.ok(event.sequence_number > events[i].sequence_number, JSON.stringify([events[i], event]));
  });
}

async function create() {
  const whole = await openai.responses.create(asked);
  assert.equal(whole.object, 'response');
  assert.ok(['completed', 'incomplete'].includes(whole.status), whole.status);
  assert.ok(whole.output_text.length > 0);
  assert.equal(whole.usage.total_tokens, whole.usage.input_tokens + whole.usage.output_tokens);
  assert.equal((await openai.responses.retrieve(whole.id)).output_text, whole.output_text);

  const events = await all(await openai.responses.create({ ...asked, stream: true }));
  assertOrder(events);
  assert.deepEqual(events.slice(0, 4).map((event) => event.type), [
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.content_part.added',
  ]);
  assert.deepEqual(events.slice(-4, -1).map((event) => event.type), [
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
  ]);
  assert.ok(ENDS.includes(events.at(-1).type), events.at(-1).type);
  assert.equal(text(events), whole.output_text);
  assert.equal(events.at(-1).response.output[0].content[0].text, whole.output_text);

  const final = await openai.responses.stream(asked).finalResponse();
  assert.equal(final.output_text, whole.output_text);
}

async function background() {
  const begun = await openai.responses.create({ ...asked, background: true });
  assert.ok(['queued', 'in_progress'].includes(begun.status), begun.status);
  const events = await all(await openai.responses.retrieve(begun.id, { stream: true }));
  assertOrder(events);
  for (const event of events) {
    const number = event.sequence_number;
    const rest = await all(await openai.responses.retrieve(begun.id, { stream: true, starting_after: number }));
    // Who reads later gets more text in an event; the text behind a number is the same.
    assertOrder(rest);
    assert.ok(rest.every((each) => each.sequence_number > number), JSON.stringify(rest));
    assert.equal(rest.at(-1)?.type, number === events.at(-1).sequence_number ? undefined : events.at(-1).type);
    assert.equal(text(rest), text(events.filter((each) => each.sequence_number > number)));
  }
  const polled = await openai.responses.retrieve(begun.id);
  assert.equal(polled.output_text, text(events));
  assert.equal(polled.background, true);
}

async function cancel() {
  // It waits for a device that nobody has, so that it has not ended when it is cancelled.
  const begun = await openai.responses.create({ ...asked, background: true, constraints: { backend: 'rocm' } });
  const cancelled = await openai.responses.cancel(begun.id);
  assert.equal(cancelled.id, begun.id);
  assert.equal(cancelled.status, 'cancelled');
  assert.equal((await openai.responses.retrieve(begun.id)).status, 'cancelled');
  const none = await openai.responses.cancel('resp_none').catch((error) => error);
  assert.ok(none instanceof OpenAI.NotFoundError, none.stack);
}

async function remove() {
  const ended = await openai.responses.create(asked);
  const running = await openai.responses.create({ ...LONG, background: true });
  for (const { id } of [ended, running]) {
    await openai.responses.delete(id);
    for (const again of [
      () => openai.responses.retrieve(id),
      () => openai.responses.retrieve(id, { stream: true }),
      () => openai.responses.cancel(id),
      () => openai.responses.delete(id),
      () => openai.responses.create({ ...asked, previous_response_id: id }),
      () => openai.get(`/requests/${id}`),
    ]) {
      const error = await again().catch((failure) => failure);
      assert.ok(error instanceof OpenAI.NotFoundError, `${again}: ${error.stack}`);
    }
  }
}

async function conversation() {
  const first = await openai.responses.create(asked);
  const second = await openai.responses.create({ ...asked, input: 'And of the bear?', previous_response_id: first.id });
  assert.ok(second.usage.input_tokens > first.usage.total_tokens);
  assert.equal(second.previous_response_id, first.id);
}

async function tools() {
  const parameters = {
    type: 'object',
    properties: { day: { type: 'string', enum: ['today', 'tomorrow'] } },
    required: ['day'],
    additionalProperties: false,
  };
  const forced = {
    ...asked,
    max_output_tokens: 120,
    tools: [{ type: 'function', name: 'weather', strict: true, parameters }],
    tool_choice: { type: 'function', name: 'weather' },
  };
  const whole = await openai.responses.create(forced);
  const [call] = whole.output;
  assert.equal(call.type, 'function_call');
  assert.equal(call.name, 'weather');
  assert.ok(['today', 'tomorrow'].includes(JSON.parse(call.arguments).day), call.arguments);
  const events = await all(await openai.responses.create({ ...forced, stream: true }));
  const done = events.find((event) => event.type === 'response.function_call_arguments.done');
  assert.equal(done.arguments, call.arguments);
  assert.equal(done.name, 'weather');
  const streamed = await openai.responses.stream(forced).finalResponse();
  assert.equal(streamed.output[0].arguments, call.arguments);
  const answered = await openai.responses.create({
    ...forced,
    tool_choice: 'none',
    previous_response_id: whole.id,
    input: [{ type: 'function_call_output', call_id: call.call_id, output: 'Rain.' }],
  });
  assert.equal(answered.output[0].type, 'message');
}

async function structured() {
  const schema = {
    type: 'object',
    properties: { title: { type: 'string', maxLength: 8 }, animals: { type: 'integer', minimum: 0, maximum: 9 } },
    required: ['title', 'animals'],
    additionalProperties: false,
  };
  const format = { type: 'json_schema', name: 'story', strict: true, schema };
  const parsed = await openai.responses.parse({ ...asked, max_output_tokens: 200, text: { format } });
  assert.equal(typeof parsed.output_parsed.title, 'string');
  assert.ok(Number.isInteger(parsed.output_parsed.animals));
}

/** The client repeats a call, with one key, until a server answers that was killed meanwhile. */
async function retry() {
  const patient = client({ maxRetries: 1000, timeout: 60_000 });
  const headers = { 'Idempotency-Key': 'one-story' };
  const chat = { model: MODEL, messages: [TALE], max_completion_tokens: 450, temperature: 0.8, seed: 7, ignore_eos: true };
  const others = await busy(patient);
  const answer = patient.chat.completions.create(chat, { headers });
  await until(async () => (await requests('accepted')) === others.length + 1);
  console.log('under way');
  const whole = await answer;
  assert.equal(whole.usage.completion_tokens, 450);
  const status = await patient.get(`/requests/${whole.id}`);
  assert.ok(status.epoch > 1, `epoch ${status.epoch}: it had ended before the kill`);
  const again = await patient.chat.completions.create(chat, { headers });
  assert.equal(again.id, whole.id);
  assert.deepEqual(again.choices, whole.choices);
  const undisturbed = await patient.chat.completions.create(chat);
  assert.notEqual(undisturbed.id, whole.id);
  assert.deepEqual(undisturbed.choices, whole.choices);
}

/** A stream that breaks is read on by retrieve with starting_after, as OpenAI documents. */
async function resume() {
  const patient = client({ maxRetries: 1000, timeout: 60_000 });
  const events = [];
  await busy(patient);
  let id;
  let breaks = 0;
  const take = async (stream) => {
    for await (const event of stream) {
      id ??= event.response.id;
      events.push(event);
      if (event.type === 'response.output_text.delta' && text(events) === event.delta) {
        console.log(`reading ${id}`);
      }
    }
  };
  const ended = () => ENDS.includes(events.at(-1)?.type);
  try {
    await take(await patient.responses.create({ ...LONG, stream: true }));
  } catch (error) {
    breaks++;
  }
  await until(async () => {
    const last = events.at(-1).sequence_number;
    try {
      await take(await patient.responses.retrieve(id, { stream: true, starting_after: last }));
    } catch (error) {
      breaks++;
    }
    return ended();
  });
  assertOrder(events);
  const status = await patient.get(`/requests/${id}`);
  assert.ok(status.epoch > 1, `epoch ${status.epoch}: it had ended before the kill`);
  const undisturbed = await all(await patient.responses.create({ ...LONG, stream: true }));
  assert.equal(text(events), text(undisturbed));
  assert.equal((await patient.responses.retrieve(id)).output_text, text(undisturbed));
  console.log(`breaks ${breaks}`);
}

await main({ create, background, cancel, remove, conversation, tools, structured, retry, resume });
