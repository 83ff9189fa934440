package dev.cairn.server.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.server.TestNode;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class ServeBenchTest {
  @Test
  @DisplayName("every request is sent, its tokens counted and its errors too")
  void counts() throws InterruptedException {
    try (TestNode node = new TestNode("some text, é", "")) {
      JsonNode result = run(node, 20);
      assertThat(result.get("tokens").asInt()).isEqualTo(10 * 20);
      assertThat(result.get("errors").asInt()).isZero();
      assertThat(result.get("tok_s").asDouble()).isPositive();
      assertThat(result.get("ttft_ms_p99").asDouble())
          .isGreaterThanOrEqualTo(result.get("ttft_ms_p50").asDouble())
          .isPositive();
      assertThat(node.inMemory().size()).isEqualTo(4 + 10);

      JsonNode refused = run(node, TestNode.MAX_CONTEXT + 1);
      assertThat(refused.get("errors").asInt()).isEqualTo(10);
      assertThat(refused.get("last_error").asText()).contains("400");
    }
  }

  private static JsonNode run(TestNode node, int maxTokens) throws InterruptedException {
    return bench(node, maxTokens).run();
  }

  private static ServeBench bench(TestNode node, int maxTokens) {
    return new ServeBench(
        new ServeBench.Settings(
            node.uri("/"),
            3,
            4,
            10,
            maxTokens,
            TestNode.MODEL,
            5,
            200,
            Optional.of(ProcessUsage.of(ProcessHandle.current().pid()))));
  }

  @Test
  @DisplayName("idle streams are opened, held while others run, and closed; what fails is counted")
  void connections() throws Exception {
    try (TestNode node = new TestNode("some text, é", "")) {
      ProcessUsage self = ProcessUsage.of(ProcessHandle.current().pid());
      JsonNode result = new ConnectionsBench(node.uri("/"), self).run(40, 3, bench(node, 20));
      assertThat(result.get("answered").asInt()).isEqualTo(40);
      assertThat(result.get("idle_errors").asInt()).isZero();
      assertThat(result.get("resident_mib").asDouble()).isPositive();
      for (String active : List.of("active_alone", "active_beside_idle")) {
        assertThat(result.get(active).get("tokens").asInt()).isEqualTo(10 * 20);
        assertThat(result.get(active).get("server_cpu_us_per_token").asDouble()).isPositive();
      }
      // The requests that the streams followed, and those of two runs.
      assertThat(node.inMemory().size()).isEqualTo(3 + 2 * (4 + 10));
      try (IdleStreams refused =
          new IdleStreams(node.uri("/"), 5, i -> "/v1/requests/none/stream")) {
        assertThat(refused.answered()).isZero();
        assertThat(refused.errors()).isEqualTo(5);
        assertThat(refused.lastError()).contains("404");
      }
    }
  }

  @Test
  @DisplayName("percentiles are by the nearest rank")
  void percentiles() {
    Percentiles values = Percentiles.of(new double[] {4, 1, 3, 2});
    assertThat(values.at(50)).isEqualTo(2);
    assertThat(values.at(99)).isEqualTo(4);
    assertThat(values.at(100)).isEqualTo(4);
    assertThat(Percentiles.of(new double[0]).at(50)).isZero();
  }
}
