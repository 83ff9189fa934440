package dev.cairn.server.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.model.TokenLogprobs;
import dev.cairn.model.Tokenizer;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Builds OpenAI's {@code logprobs} objects: parallel arrays {@code tokens}, {@code token_logprobs},
 * {@code top_logprobs}, {@code text_offset} (in characters of Unicode, the prompt included where it
 * is echoed), and {@code token_ids} in addition.
 *
 * <p>A token is spelled as its text; a control token as the vocabulary spells it; a token whose
 * bytes are not UTF-8 as {@code bytes:\xNN…}. Where two tokens of one position have the same
 * spelling, the less likely one is called {@code token_id:N}.
 */
final class LogprobsWriter {
  private final Tokenizer tokenizer;
  private final int top;
  private int offset;
  private ObjectNode out;
  private ArrayNode tokens;
  private ArrayNode tokenLogprobs;
  private ArrayNode topLogprobs;
  private ArrayNode textOffset;
  private ArrayNode tokenIds;

  /**
   * @param top alternatives for each position
   */
  LogprobsWriter(Tokenizer tokenizer, int top) {
    this.tokenizer = tokenizer;
    this.top = top;
    begin();
  }

  /**
   * @param logprobs of the tokens 1 and up; perhaps fewer, where the request ended before
   */
  void addPrompt(int[] prompt, List<TokenLogprobs> logprobs) {
    for (int i = 0; i < prompt.length; i++) {
      add(prompt[i], i >= 1 && i <= logprobs.size() ? logprobs.get(i - 1) : null);
    }
  }

  /**
   * @param logprobs null where none are known
   */
  void add(int token, TokenLogprobs logprobs) {
    tokens.add(spelling(tokenizer, token));
    tokenIds.add(token);
    textOffset.add(offset);
    skip(token);
    if (logprobs == null) {
      tokenLogprobs.addNull();
      topLogprobs.addNull();
      return;
    }
    tokenLogprobs.add(logprobs.logprob());
    ObjectNode alternatives = topLogprobs.addObject();
    boolean chosenIsThere = false;
    for (int i = 0; i < Math.min(top, logprobs.topTokens().length); i++) {
      put(alternatives, logprobs.topTokens()[i], logprobs.topLogprobs()[i]);
      chosenIsThere |= logprobs.topTokens()[i] == token;
    }
    if (!chosenIsThere) {
      put(alternatives, token, logprobs.logprob());
    }
  }

  /** Counts a token's text without writing it. */
  void skip(int token) {
    for (byte b : tokenizer.bytes(token)) {
      if ((b & 0xC0) != 0x80) {
        offset++;
      }
    }
  }

  /** The object of all tokens since the last call. */
  ObjectNode take() {
    ObjectNode full = out;
    begin();
    return full;
  }

  /** How a token is written in the API. */
  static String spelling(Tokenizer tokenizer, int token) {
    if (tokenizer.isControl(token)) {
      return tokenizer.piece(token);
    }
    byte[] bytes = tokenizer.bytes(token);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      StringBuilder spelled = new StringBuilder("bytes:");
      for (byte b : bytes) {
        spelled.append(String.format("\\x%02x", b & 0xff));
      }
      return spelled.toString();
    }
  }

  private void put(ObjectNode alternatives, int token, float logprob) {
    String name = spelling(tokenizer, token);
    alternatives.put(alternatives.has(name) ? "token_id:" + token : name, logprob);
  }

  private void begin() {
    out = Json.object();
    tokens = out.putArray("tokens");
    tokenLogprobs = out.putArray("token_logprobs");
    topLogprobs = out.putArray("top_logprobs");
    textOffset = out.putArray("text_offset");
    tokenIds = out.putArray("token_ids");
  }
}
