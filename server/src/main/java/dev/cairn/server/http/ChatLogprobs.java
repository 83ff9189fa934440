package dev.cairn.server.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.model.TokenLogprobs;
import dev.cairn.model.Tokenizer;
import dev.cairn.request.CommittedTokens;

/** The {@code logprobs} objects of chats: each token with its bytes and the likeliest others. */
final class ChatLogprobs {
  private ChatLogprobs() {}

  static ObjectNode of(Tokenizer tokenizer, int top, CommittedTokens tokens, int from, int to) {
    ObjectNode out = Json.object();
    ArrayNode content = out.putArray("content");
    for (int i = from; i < to; i++) {
      TokenLogprobs logprobs = tokens.logprobs(i);
      ObjectNode token = content.addObject();
      put(token, tokenizer, tokens.get(i), logprobs.logprob());
      ArrayNode others = token.putArray("top_logprobs");
      for (int k = 0; k < Math.min(top, logprobs.topTokens().length); k++) {
        put(others.addObject(), tokenizer, logprobs.topTokens()[k], logprobs.topLogprobs()[k]);
      }
    }
    out.putNull("refusal");
    return out;
  }

  private static void put(ObjectNode out, Tokenizer tokenizer, int token, float logprob) {
    out.put("token", LogprobsWriter.spelling(tokenizer, token));
    out.put("logprob", logprob);
    ArrayNode bytes = out.putArray("bytes");
    for (byte b : tokenizer.bytes(token)) {
      bytes.add(b & 0xff);
    }
  }
}
