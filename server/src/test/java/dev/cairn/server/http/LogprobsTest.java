package dev.cairn.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.model.TokenLogprobs;
import dev.cairn.server.ByteTokenizer;
import dev.cairn.server.TestNode;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class LogprobsTest {
  private static final ByteTokenizer TOKENIZER = new ByteTokenizer();
  private static TestNode node;

  @BeforeAll
  static void start() {
    node = new TestNode("aé", "");
  }

  @AfterAll
  static void stop() {
    node.close();
  }

  @Test
  @DisplayName("log-probabilities are parallel lists over prompt and output, the first one null")
  void parallel() {
    JsonNode logprobs =
        complete("{\"prompt\":\"hi\",\"max_tokens\":4,\"echo\":true,\"logprobs\":5}")
            .get("logprobs");
    assertThat(texts(logprobs.get("tokens")))
        .containsExactly("<s>", "h", "i", "a", "bytes:\\xc3", "bytes:\\xa9", "a");
    assertThat(logprobs.get("token_ids")).hasToString("[0,106,107,99,197,171,99]");
    assertThat(logprobs.get("text_offset")).hasToString("[0,0,1,2,3,4,4]");
    assertThat(logprobs.get("token_logprobs").get(0).isNull()).isTrue();
    assertThat(logprobs.get("top_logprobs").get(0).isNull()).isTrue();
    for (int i = 1; i < 7; i++) {
      assertThat(logprobs.get("token_logprobs").get(i).doubleValue()).isEqualTo(-0.5);
      assertThat(logprobs.get("top_logprobs").get(i)).hasSize(5);
    }
  }

  @Test
  @DisplayName("a stream carries the same log-probabilities as the plain answer, event by event")
  void streamed() {
    String body = "{\"prompt\":\"hi\",\"max_tokens\":7,\"echo\":true,\"logprobs\":2";
    JsonNode plain = complete(body + "}").get("logprobs");
    List<String> tokens = new ArrayList<>();
    List<String> offsets = new ArrayList<>();
    for (Sse.Event event :
        Sse.events(node.post("/v1/completions", body + ",\"stream\":true}").body())) {
      if (!event.data().equals("[DONE]")) {
        JsonNode part = event.json().get("choices").get(0).get("logprobs");
        assertThat(part.get("token_ids")).hasSameSizeAs(part.get("token_logprobs"));
        tokens.addAll(texts(part.get("tokens")));
        offsets.addAll(texts(part.get("text_offset")));
      }
    }
    assertThat(tokens).isEqualTo(texts(plain.get("tokens")));
    assertThat(offsets).isEqualTo(texts(plain.get("text_offset")));
  }

  @Test
  @DisplayName("without alternatives the chosen token alone is listed")
  void none() {
    JsonNode logprobs =
        complete("{\"prompt\":\"hi\",\"max_tokens\":1,\"logprobs\":0}").get("logprobs");
    assertThat(logprobs.get("top_logprobs").get(0)).hasToString("{\"a\":-0.5}");
  }

  @Test
  @DisplayName("tokens of the same text do not overwrite each other")
  void collision() {
    LogprobsWriter writer = new LogprobsWriter(TOKENIZER, 2);
    int a = 'a' + 2;
    writer.add(
        a, new TokenLogprobs(-1f, new int[] {a, ByteTokenizer.SECOND_A}, new float[] {-1f, -2f}));
    assertThat(writer.take().get("top_logprobs").get(0))
        .hasToString("{\"a\":-1.0,\"token_id:258\":-2.0}");
  }

  @Test
  @DisplayName("a chosen token that is not among the likeliest is listed after them")
  void unlikely() {
    LogprobsWriter writer = new LogprobsWriter(TOKENIZER, 1);
    writer.add('z' + 2, new TokenLogprobs(-9f, new int[] {'a' + 2}, new float[] {-1f}));
    assertThat(writer.take().get("top_logprobs").get(0)).hasToString("{\"a\":-1.0,\"z\":-9.0}");
  }

  private static JsonNode complete(String body) {
    return Sse.json(node.post("/v1/completions", body).body()).get("choices").get(0);
  }

  private static List<String> texts(JsonNode array) {
    List<String> texts = new ArrayList<>();
    array.forEach(element -> texts.add(element.asText()));
    return texts;
  }
}
