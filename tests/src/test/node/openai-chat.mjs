// Chats, completions and the list of models, as users of npm's openai have them.
import assert from 'node:assert/strict';
import OpenAI, { APIUserAbortError } from 'openai';
import { MODEL, TALE, all, busy, client, main, requests, until } from './client.mjs';

const openai = client();
const seeded = { model: MODEL, temperature: 0.8, seed: 7 };
const chat = { ...seeded, messages: [TALE], max_completion_tokens: 30 };

const WEATHER = {
  name: 'weather',
  description: 'The weather of a day',
  strict: true,
  parameters: {
    type: 'object',
    properties: {
      place: { type: 'string', maxLength: 12 },
      day: { type: 'string', enum: ['today', 'tomorrow'] },
    },
    required: ['place', 'day'],
    additionalProperties: false,
  },
};
const FORCED = {
  ...seeded,
  messages: [TALE],
  max_completion_tokens: 120,
  tools: [{ type: 'function', function: WEATHER }],
  tool_choice: { type: 'function', function: { name: 'weather' } },
};

function assertWeather(args) {
  assert.equal(typeof args.place, 'string');
  assert.ok(['today', 'tomorrow'].includes(args.day), args.day);
}

async function models() {
  const listed = await all(openai.models.list());
  assert.deepEqual(listed.map((model) => model.object), ['model']);
  const one = await openai.models.retrieve(listed[0].id);
  assert.equal(one.id, listed[0].id);
}

async function chats() {
  const { data: whole, request_id: request } = await openai.chat.completions.create(chat).withResponse();
  assert.equal(whole.object, 'chat.completion');
  assert.equal(request, whole.id);
  const [choice] = whole.choices;
  assert.equal(choice.message.role, 'assistant');
  assert.ok(choice.message.content.length > 0);
  assert.ok(['length', 'stop'].includes(choice.finish_reason));
  assert.ok(whole.usage.completion_tokens > 0 && whole.usage.completion_tokens <= 30);

  const chunks = await all(
    await openai.chat.completions.create({ ...chat, stream: true, stream_options: { include_usage: true } }),
  );
  assert.equal(chunks[0].choices[0].delta.role, 'assistant');
  assert.ok(chunks.every((chunk) => chunk.object === 'chat.completion.chunk' && chunk.id === chunks[0].id));
  const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
  assert.equal(text, choice.message.content);
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.deepEqual(chunks.at(-1).usage, whole.usage);
  assert.equal(chunks.at(-2).choices[0].finish_reason, choice.finish_reason);

  const runner = openai.chat.completions.stream(chat);
  assert.equal(await runner.finalContent(), choice.message.content);
  assert.equal((await runner.finalChatCompletion()).choices[0].finish_reason, choice.finish_reason);
}

async function several() {
  const answers = await openai.chat.completions.create({ ...chat, n: 3, logprobs: true, top_logprobs: 2 });
  assert.deepEqual(answers.choices.map((choice) => choice.index), [0, 1, 2]);
  for (const { logprobs, message } of answers.choices) {
    // The token that ends an output is one of its tokens, and no text.
    assert.ok(logprobs.content.map((each) => each.token).join('').startsWith(message.content));
    assert.equal(logprobs.content[0].top_logprobs.length, 2);
  }
}

async function completions() {
  const asked = { ...seeded, prompt: ['Once', 'There was'], n: 2, max_tokens: 8, logprobs: 2 };
  const whole = await openai.completions.create(asked);
  assert.equal(whole.object, 'text_completion');
  assert.deepEqual(whole.choices.map((choice) => choice.index), [0, 1, 2, 3]);
  assert.ok(whole.choices.every((choice) => choice.logprobs.tokens.length > 0));

  const texts = ['', '', '', ''];
  const reasons = [];
  for await (const chunk of await openai.completions.create({ ...asked, stream: true })) {
    for (const choice of chunk.choices) {
      texts[choice.index] += choice.text;
      reasons[choice.index] = choice.finish_reason ?? reasons[choice.index];
    }
  }
  assert.deepEqual(texts, whole.choices.map((choice) => choice.text));
  assert.deepEqual(reasons, whole.choices.map((choice) => choice.finish_reason));
}

async function tools() {
  const called = (await openai.chat.completions.create(FORCED)).choices[0];
  assert.equal(called.finish_reason, 'tool_calls');
  const [call] = called.message.tool_calls;
  assert.equal(call.type, 'function');
  assert.equal(call.function.name, 'weather');
  assertWeather(JSON.parse(call.function.arguments));

  const streamed = await openai.chat.completions.stream(FORCED).finalChatCompletion();
  assert.deepEqual(
    streamed.choices[0].message.tool_calls.map((each) => each.function.arguments),
    called.message.tool_calls.map((each) => each.function.arguments),
  );

  const answered = await openai.chat.completions.create({
    ...FORCED,
    tool_choice: 'none',
    messages: [TALE, called.message, { role: 'tool', tool_call_id: call.id, content: 'Rain.' }],
  });
  assert.equal(answered.choices[0].message.tool_calls, undefined);

  let given;
  const weather = { ...WEATHER, parse: JSON.parse, function: (args) => ((given = args), 'Rain.') };
  await openai.chat.completions
    .runTools({ ...FORCED, tools: [{ type: 'function', function: weather }] })
    .done();
  assertWeather(given);
}

async function structured() {
  const schema = {
    type: 'object',
    properties: { title: { type: 'string', maxLength: 8 }, animals: { type: 'array', items: { enum: ['fox', 'bear'] }, maxItems: 3 } },
    required: ['title', 'animals'],
    additionalProperties: false,
  };
  const asked = {
    ...chat,
    max_completion_tokens: 200,
    response_format: { type: 'json_schema', json_schema: { name: 'story', strict: true, schema } },
  };
  const parsed = await openai.chat.completions.parse(asked);
  const story = parsed.choices[0].message.parsed;
  assert.equal(typeof story.title, 'string');
  assert.ok(story.animals.every((animal) => ['fox', 'bear'].includes(animal)));
  const runner = openai.chat.completions.stream(asked);
  assert.deepEqual((await runner.finalMessage()).parsed, story);
  const any = await openai.chat.completions.create({ ...asked, response_format: { type: 'json_object' } });
  assert.equal(typeof JSON.parse(any.choices[0].message.content), 'object');
}

async function errors() {
  const wrong = await openai.chat.completions.create({ ...chat, n: 0 }).catch((error) => error);
  assert.ok(wrong instanceof OpenAI.BadRequestError, wrong.stack);
  assert.equal(wrong.status, 400);
  assert.equal(wrong.param, 'n');
  assert.equal(wrong.type, 'invalid_request_error');
  assert.match(wrong.message, /n is the number 0/);
  const none = await openai.responses.retrieve('resp_none').catch((error) => error);
  assert.ok(none instanceof OpenAI.NotFoundError, none.stack);
  const named = { headers: { 'Idempotency-Key': 'errors' } };
  await openai.chat.completions.create(chat, named);
  const other = await openai.chat.completions.create({ ...chat, seed: 8 }, named).catch((error) => error);
  assert.ok(other instanceof OpenAI.ConflictError, other.stack);
}

/** With keys on: CAIRN_KEY is of a user who may ask for one call a minute, CAIRN_VIEWER of a viewer. */
async function access() {
  const stranger = await client({ apiKey: 'cairn-nobody' }).models.list().catch((error) => error);
  assert.ok(stranger instanceof OpenAI.AuthenticationError, stranger.stack);
  assert.equal(stranger.code, 'invalid_api_key');
  const viewer = client({ apiKey: process.env.CAIRN_VIEWER });
  assert.equal((await all(viewer.models.list())).length, 1);
  const forbidden = await viewer.chat.completions.create(chat).catch((error) => error);
  assert.ok(forbidden instanceof OpenAI.PermissionDeniedError, forbidden.stack);
  await openai.chat.completions.create(chat);
  const limited = await openai.chat.completions.create(chat).catch((error) => error);
  assert.ok(limited instanceof OpenAI.RateLimitError, limited.stack);
  assert.equal(limited.code, 'rate_limit_exceeded');
  assert.ok(Number(limited.headers.get('retry-after')) >= 1, limited.headers.get('retry-after'));
}

async function state(id) {
  return openai.get(`/requests/${id}`);
}

async function abort() {
  const long = { ...chat, max_completion_tokens: 450, ignore_eos: true };
  // Others keep the device busy, so that what is aborted has not ended by then.
  const others = await busy(openai);
  const stream = await openai.chat.completions.create({ ...long, on_disconnect: 'cancel', stream: true });
  let id;
  for await (const chunk of stream) {
    id = chunk.id;
    if (chunk.choices[0].delta.content) {
      stream.controller.abort();
    }
  }
  const ended = await until(async () => ((await state(id)).finish_reason ? state(id) : null));
  assert.equal(ended.finish_reason, 'cancelled');
  assert.ok(ended.completion_tokens < 450, `${ended.completion_tokens} tokens`);

  // Without a stream: the call is known by its key, and no other call joins it before it has ended.
  const stop = new AbortController();
  const headers = { 'Idempotency-Key': 'aborted' };
  const call = openai.chat.completions.create({ ...long, on_disconnect: 'cancel' }, { headers, signal: stop.signal });
  const outcome = call.catch((error) => error);
  await until(async () => (await requests('accepted')) === others.length + 2);
  stop.abort();
  assert.ok((await outcome) instanceof APIUserAbortError);
  await until(async () => (await requests('cancelled')) === 2);
  await Promise.all(others.map((each) => openai.responses.cancel(each.id)));
  const joined = await openai.chat.completions.create({ ...long, on_disconnect: 'cancel' }, { headers });
  assert.equal(joined.choices[0].finish_reason, 'cancelled');

  // One that is not told otherwise runs on, and is there for who asks for it.
  const kept = await openai.chat.completions.create({ ...long, max_completion_tokens: 60, stream: true });
  for await (const chunk of kept) {
    id = chunk.id;
    kept.controller.abort();
  }
  const done = await until(async () => ((await state(id)).finish_reason ? state(id) : null));
  assert.equal(done.completion_tokens, 60);
}

await main({ models, chats, several, completions, tools, structured, errors, access, abort });
