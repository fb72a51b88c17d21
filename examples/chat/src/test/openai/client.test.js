import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0, timeout: 30_000 });
const model = "rwkv-demo";
const ask = (content) => [{ role: "user", content }];
const endless = {
  model,
  messages: ask("Tell me a story."),
  max_tokens: 1_000_000,
  logit_bias: Object.fromEntries(process.env.LINE_FEEDS.split(",").map((id) => [id, -100])),
};

/** A session whose client has left is free again within moments. */
async function untilFree() {
  for (let attempt = 0; ; attempt++) {
    try {
      return await client.chat.completions.create({ model, messages: ask("Hello!") });
    } catch (error) {
      if (!(error instanceof OpenAI.RateLimitError) || attempt > 100) {
        throw error;
      }
      await sleep(100);
    }
  }
}

test("answers", async () => {
  const completion = await client.chat.completions.create({ model, messages: ask("What is 12 plus 15?") });

  assert.equal(completion.choices[0].message.content, "12 plus 15 is 27.");
  assert.equal(completion.choices[0].finish_reason, "stop");
  assert.equal(completion.usage.total_tokens, completion.usage.prompt_tokens + completion.usage.completion_tokens);
});

test("streams", async () => {
  const stream = await client.chat.completions.create({
    model,
    messages: ask("What is 12 plus 15?"),
    stream: true,
    stream_options: { include_usage: true },
  });
  const pieces = [];
  let finishReason;
  let usage;
  for await (const chunk of stream) {
    pieces.push(chunk.choices[0]?.delta.content ?? "");
    finishReason ??= chunk.choices[0]?.finish_reason;
    usage = chunk.usage;
  }

  assert.equal(pieces.join(""), "12 plus 15 is 27.");
  assert.ok(pieces.filter(Boolean).length > 3);
  assert.equal(finishReason, "stop");
  assert.ok(usage.completion_tokens > 3);
});

test("assembles a streamed answer", async () => {
  const completion = await client.chat.completions
    .stream({ model, messages: ask("What is the capital of Norway?") })
    .finalChatCompletion();

  assert.equal(completion.choices[0].message.content, "The capital of Norway is Oslo.");
});

test("lists the model", async () => {
  const models = [];
  for await (const listed of client.models.list()) {
    models.push(listed.id);
  }

  assert.deepEqual(models, [model]);
  assert.equal((await client.models.retrieve(model)).id, model);
});

test("reports errors as the client's own classes", async () => {
  const create = (more) => client.chat.completions.create({ model, messages: ask("Hello!"), ...more });

  await assert.rejects(create({ model: "gpt-4o" }), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, "model_not_found");
    return true;
  });
  await assert.rejects(create({ n: 2 }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, "n");
    return true;
  });
});

test("frees the session of a client that aborts, and refuses a second one until then", async () => {
  const stream = await client.chat.completions.create({ ...endless, stream: true });
  let pieces = 0;
  for await (const chunk of stream) {
    pieces += chunk.choices.length;
    if (pieces === 10) {
      await assert.rejects(
        client.chat.completions.create({ model, messages: ask("Hello!") }),
        OpenAI.RateLimitError,
      );
      stream.controller.abort();
    }
  }

  assert.ok(pieces < 1_000_000);
  assert.ok((await untilFree()).choices[0].message.content.length > 0);
});
