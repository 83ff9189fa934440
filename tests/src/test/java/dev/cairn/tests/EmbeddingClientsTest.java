package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.errors.BadRequestException;
import com.openai.models.embeddings.CreateEmbeddingResponse;
import com.openai.models.embeddings.EmbeddingCreateParams;
import com.openai.models.embeddings.EmbeddingModel;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.openai.OpenAiEmbeddingModel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Vectors for OpenAI's own client for the JVM and for LangChain4j's, as their users have them. */
@Timeout(300)
class EmbeddingClientsTest {
  private static final String MODEL = "cairn-tales-5m";
  private static final int WIDTH = 256;
  private static final List<String> TEXTS =
      List.of("The fox slept under a tree.", "Once upon a time", "The fox slept under a tree.");

  @TempDir static Path directory;
  private static ServerProcess server;
  private static OpenAIClient client;

  @BeforeAll
  static void start() {
    server = ServerProcess.start(directory.resolve("data")).await();
    client = client(server.address().getPort());
  }

  @AfterAll
  static void stop() {
    client.close();
    server.close();
  }

  private static OpenAIClient client(int port) {
    return OpenAIOkHttpClient.builder()
        .apiKey("none")
        .baseUrl("http://127.0.0.1:" + port + "/v1")
        .timeout(Duration.ofSeconds(60))
        .maxRetries(100)
        .build();
  }

  private static EmbeddingCreateParams.Builder params() {
    return EmbeddingCreateParams.builder().model(EmbeddingModel.of(MODEL));
  }

  private static List<float[]> vectors(CreateEmbeddingResponse response) {
    return response.data().stream().map(each -> floats(each.embedding())).toList();
  }

  private static float[] floats(List<Float> numbers) {
    float[] out = new float[numbers.size()];
    for (int i = 0; i < out.length; i++) {
      out[i] = numbers.get(i);
    }
    return out;
  }

  @Test
  @DisplayName("openai-java reads vectors in its default form and as numbers, with the same bits")
  void openAiJava() {
    CreateEmbeddingResponse usual =
        client.embeddings().create(params().inputOfArrayOfStrings(TEXTS).build());
    List<float[]> vectors = vectors(usual);
    assertThat(vectors).hasSize(3).allMatch(vector -> vector.length == WIDTH);
    assertThat(vectors.get(0)).isEqualTo(vectors.get(2)).isNotEqualTo(vectors.get(1));
    assertThat(usual.model()).isEqualTo("Cairn Tales 5M");
    assertThat(usual.usage().promptTokens()).isPositive().isEqualTo(usual.usage().totalTokens());
    for (EmbeddingCreateParams.EncodingFormat format :
        List.of(
            EmbeddingCreateParams.EncodingFormat.FLOAT,
            EmbeddingCreateParams.EncodingFormat.BASE64)) {
      CreateEmbeddingResponse other =
          client
              .embeddings()
              .create(params().inputOfArrayOfStrings(TEXTS).encodingFormat(format).build());
      assertThat(vectors(other)).as("" + format).usingRecursiveComparison().isEqualTo(vectors);
    }
    assertThat(vectors(client.embeddings().create(params().input(TEXTS.get(1)).build())).get(0))
        .isEqualTo(vectors.get(1));
  }

  @Test
  @DisplayName("openai-java's error classes tell what is wrong with a call")
  void errors() {
    assertThatThrownBy(
            () -> client.embeddings().create(params().input("fox").dimensions(12).build()))
        .isInstanceOf(BadRequestException.class)
        .hasMessageContaining("dimensions is 12")
        .hasMessageContaining("256");
    assertThatThrownBy(() -> client.embeddings().create(params().input("fox ".repeat(600)).build()))
        .isInstanceOf(BadRequestException.class)
        .hasMessageContaining("tokens; expected at most 512");
  }

  @Test
  @DisplayName("LangChain4j's embedding model works, and has the vectors of openai-java")
  void langChain4j() {
    OpenAiEmbeddingModel model =
        OpenAiEmbeddingModel.builder()
            .apiKey("none")
            .baseUrl("http://127.0.0.1:" + server.address().getPort() + "/v1")
            .modelName(MODEL)
            .build();
    float[] one = model.embed(TEXTS.get(0)).content().vector();
    List<float[]> all =
        model.embedAll(TEXTS.stream().map(TextSegment::from).toList()).content().stream()
            .map(dev.langchain4j.data.embedding.Embedding::vector)
            .toList();
    assertThat(one).isEqualTo(all.get(0));
    CreateEmbeddingResponse usual =
        client.embeddings().create(params().inputOfArrayOfStrings(TEXTS).build());
    assertThat(all).usingRecursiveComparison().isEqualTo(vectors(usual));
  }

  @Test
  @DisplayName("I4 after kill -9 and among others a call has the same vectors, and nothing is held")
  void restart() {
    EmbeddingCreateParams params = params().inputOfArrayOfStrings(TEXTS).build();
    List<float[]> expected = vectors(client.embeddings().create(params));
    for (boolean killed : List.of(true, false)) {
      try (ServerProcess other = ServerProcess.start(directory.resolve("killed")).await()) {
        OpenAIClient there = client(other.address().getPort());
        assertThat(vectors(there.embeddings().create(params)))
            .usingRecursiveComparison()
            .isEqualTo(expected);
        there.close();
        if (killed) {
          other.kill();
        } else {
          Metrics.awaitNothingHeld(new ApiClient(other.address()), "embeddings");
        }
      }
    }
  }
}
