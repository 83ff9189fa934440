package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.model.synth.Quantization;
import dev.cairn.model.synth.SyntheticModel;
import dev.cairn.model.synth.SyntheticShape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The prefix cache as clients meet it. */
class PrefixCacheTest {
  private static final String HITS = "cairn_prefix_cache_hit_tokens_total ";
  private static final int PROMPTS = 4;
  private static final int PROMPT_TOKENS = 900;
  private static final int OUTPUT_TOKENS = 12;

  @TempDir static Path directory;
  private static Path model;

  @BeforeAll
  static void writeModel() {
    model = directory.resolve("model.gguf");
    SyntheticShape shape = SyntheticShape.parse("256,8,4,2,1024").withVocabulary(1000);
    new SyntheticModel(shape, Quantization.parse("Q8_0"), 1, "synthetic").write(model, n -> {});
  }

  /** What a client saw of one stream: its text with the log-probability of each token. */
  private record Answer(String text, long firstTokenNanos) {}

  private static Answer ask(ApiClient client, int prompt) {
    Map<String, Object> body = new HashMap<>();
    int[] tokens = new Random(prompt).ints(PROMPT_TOKENS, 2, 1000).toArray();
    body.put("prompt", tokens);
    body.put("max_tokens", OUTPUT_TOKENS);
    body.put("logprobs", 0);
    body.put("ignore_eos", true);
    body.put("seed", 5);
    body.put("stream", true);
    StringBuilder text = new StringBuilder();
    List<JsonNode> scores = new ArrayList<>();
    AtomicLong first = new AtomicLong();
    long begin = System.nanoTime();
    assertThat(
            client.stream(
                body,
                id -> {},
                event -> {
                  first.compareAndSet(0, System.nanoTime() - begin);
                  JsonNode choice = ApiClient.json(event.data()).path("choices").path(0);
                  text.append(choice.path("text").asText());
                  choice.path("logprobs").path("token_logprobs").forEach(scores::add);
                }))
        .isTrue();
    assertThat(scores).hasSize(OUTPUT_TOKENS);
    return new Answer(text + " " + scores, first.get());
  }

  private static double hits(ApiClient client) {
    String line =
        client
            .getText("/metrics")
            .lines()
            .filter(l -> l.startsWith(HITS))
            .findFirst()
            .orElseThrow();
    return Double.parseDouble(line.substring(HITS.length()));
  }

  private static ServerProcess serve(String name, String... options) {
    String[] all = new String[options.length + 4];
    all[0] = "--model";
    all[1] = model.toString();
    all[2] = "--threads";
    all[3] = "1";
    System.arraycopy(options, 0, all, 4, options.length);
    return ServerProcess.start(directory.resolve(name), all).await();
  }

  @Test
  @DisplayName("R10 a repeated prompt gives the same bytes, sooner, and the metric says why")
  void repeatedPrompt() {
    try (ServerProcess server = serve("on")) {
      ApiClient client = server.client();
      ask(client, -1);
      long cold = 0;
      long warm = 0;
      for (int prompt = 0; prompt < PROMPTS; prompt++) {
        double before = hits(client);
        Answer first = ask(client, prompt);
        assertThat(hits(client)).isEqualTo(before);
        Answer again = ask(client, prompt);
        assertThat(hits(client) - before).isBetween(PROMPT_TOKENS * 0.9, PROMPT_TOKENS * 1.0);
        assertThat(again.text()).isEqualTo(first.text());
        cold += first.firstTokenNanos();
        warm += again.firstTokenNanos();
      }
      assertThat((double) warm / cold).as("time to first token, cached over not").isLessThan(0.7);
      // A client has its last token before the device has let go of the request.
      String metrics = client.getText("/metrics");
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
      while (!metrics.contains("cairn_kv_blocks{state=\"used\"} 0.0")) {
        assertThat(System.nanoTime()).as("blocks are in use, %s", metrics).isLessThan(deadline);
        metrics = client.getText("/metrics");
      }
      assertThat(metrics).doesNotContain("cairn_kv_blocks{state=\"cached\"} 0.0");
    }
  }

  @Test
  @DisplayName("I10 with cairn.device.prefix-cache off every prompt is computed, to the same bytes")
  void off() throws IOException {
    Path config =
        Files.writeString(directory.resolve("off.conf"), "cairn.device.prefix-cache = off\n");
    String expected;
    try (ServerProcess server = serve("expected")) {
      ask(server.client(), 1);
      expected = ask(server.client(), 1).text();
    }
    try (ServerProcess server = serve("off", "--config", config.toString())) {
      ApiClient client = server.client();
      assertThat(ask(client, 1).text()).isEqualTo(expected);
      assertThat(ask(client, 1).text()).isEqualTo(expected);
      assertThat(hits(client)).isZero();
    }
  }
}
