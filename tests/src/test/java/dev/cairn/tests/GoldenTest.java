package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.bundled.BundledModel;
import dev.cairn.tests.ApiClient.Reply;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Greedy continuations against those of the reference implementation. */
class GoldenTest {
  /**
   * On 8-bit weights and activations a text may part from the reference where two tokens are as
   * likely but for the error of 8-bit activations; with float activations, only where they tie.
   */
  private static final double TIE_8_BIT = 0.1;

  private static final double TIE_FLOAT = 0.005;

  private static final String STORIES =
      "432 383 286 261 376 298 315 421 395 317 426 338 401 396 267 337 410 408 419 292 411 322 265"
          + " 282 295 433 426 385 328 432 358 394 261 370 432 352 266 268 388 426 338 391 266 267"
          + " 337 335 312 432 398 312 286 267 414 270 333 415 426 13 438 310 439 419 357 336";

  @TempDir Path directory;

  @Test
  void theBundledModelContinuesAsTheReferenceUpToNearTies() throws IOException {
    try (ServerProcess server = ServerProcess.start(directory).await()) {
      compareAll(server.client(), "Q8_0", TIE_8_BIT);
    }
  }

  @Test
  void theSameWeightsInF16ContinueAsTheReference() throws IOException {
    Path model = shared("models/cairn-tales/cairn-tales-5m.F16.gguf");
    try (ServerProcess server =
        ServerProcess.start(directory, "--model", model.toString()).await()) {
      compareAll(server.client(), "F16", TIE_FLOAT);
    }
  }

  @Test
  void aModelWithASentencePieceVocabularyContinuesAsTheReference() {
    Path model = shared("models/stories260K.gguf");
    try (ServerProcess server =
        ServerProcess.start(directory, "--model", model.toString()).await()) {
      int[] expected = Arrays.stream(STORIES.split(" ")).mapToInt(Integer::parseInt).toArray();
      compare(server.client(), "Once upon a time", ApiClient.JSON.valueToTree(expected), TIE_FLOAT);
    }
  }

  private static Path shared(String name) {
    Path here = Path.of("").toAbsolutePath();
    String configured = System.getProperty("cairn.shared");
    Stream<Path> candidates =
        configured != null
            ? Stream.of(Path.of(configured))
            : Stream.iterate(here, Path::getParent)
                .takeWhile(path -> path.getParent() != null)
                .map(path -> path.getParent().resolve("shared"));
    Optional<Path> file =
        candidates.map(path -> path.resolve(name)).filter(Files::exists).findFirst();
    assumeTrue(file.isPresent(), name + " is not here");
    return file.get();
  }

  private static void compareAll(ApiClient client, String export, double tie) throws IOException {
    JsonNode golden;
    try (InputStream in = BundledModel.golden()) {
      golden = ApiClient.JSON.readTree(in).get("cases");
    }
    int compared = 0;
    for (JsonNode each : golden) {
      if (each.get("export").asText().equals(export)) {
        compared++;
        compare(client, each.get("prompt").asText(), each.get("ids_llama_cpp"), tie);
      }
    }
    assertThat(compared).isEqualTo(3);
  }

  private static void compare(ApiClient client, String prompt, JsonNode expected, double tie) {
    Map<String, Object> body = new HashMap<>();
    body.put("prompt", prompt);
    body.put("max_tokens", expected.size());
    body.put("temperature", 0);
    body.put("repetition_penalty", 1.0);
    body.put("ignore_eos", true);
    body.put("logprobs", 5);
    Reply reply = client.post("/v1/completions", body);
    assertThat(reply.status()).as(reply.body().toString()).isEqualTo(200);
    JsonNode logprobs = reply.body().at("/choices/0/logprobs");
    int same = 0;
    while (same < expected.size() && logprobs.at("/token_ids/" + same).equals(expected.get(same))) {
      same++;
    }
    System.out.printf("golden '%s': %d of %d tokens equal%n", prompt, same, expected.size());
    if (same < expected.size()) {
      String text =
          client
              .post("/detokenize", Map.of("tokens", List.of(expected.get(same).asInt())))
              .body()
              .get("content")
              .asText();
      double chosen = logprobs.at("/token_logprobs/" + same).asDouble();
      JsonNode other = logprobs.at("/top_logprobs/" + same).get(text);
      assertThat(other)
          .as("'%s', token %s of the reference, among the most likely: %s", text, same, logprobs)
          .isNotNull();
      System.out.printf(
          "  parts at %d, where the reference's token is %.4f less likely (logarithm)%n",
          same, chosen - other.asDouble());
      assertThat(chosen - other.asDouble()).isLessThan(tie);
    }
  }
}
