package dev.cairn.server.admin;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the admin routes say of requests and of the cluster. */
class AdminRoutesTest {
  @TempDir Path directory;
  private AdminNode node;

  @BeforeEach
  void start() {
    String key = AdminNode.addKey(directory, "ops", AdminRole.ADMIN);
    node =
        new AdminNode(
                directory,
                "cairn.requests.linger = 1 h, cairn.admin { default-limit = 3, max-limit = 5 }")
            .with(key);
  }

  @AfterEach
  void stop() {
    node.close();
  }

  private String finished() {
    return node.complete("{\"prompt\":\"Once\",\"max_tokens\":3,\"ignore_eos\":true}")
        .headers()
        .firstValue("X-Request-Id")
        .orElseThrow();
  }

  /** A request that is paused before its end. */
  private String paused() {
    for (int attempt = 0; attempt < 20; attempt++) {
      CompletableFuture<HttpResponse<java.util.stream.Stream<String>>> stream =
          node.client()
              .sendAsync(
                  HttpRequest.newBuilder(node.apiUrl().resolve("/v1/completions"))
                      .POST(
                          HttpRequest.BodyPublishers.ofString(
                              "{\"prompt\":\"Once\",\"max_tokens\":400,\"ignore_eos\":true,"
                                  + "\"stream\":true}"))
                      .build(),
                  HttpResponse.BodyHandlers.ofLines());
      String id = stream.join().headers().firstValue("X-Request-Id").orElseThrow();
      JsonNode reply = AdminNode.json(node.post("/admin/requests/" + id + "/pause", ""));
      if (reply.get("state").asText().equals("paused")) {
        return id;
      }
    }
    throw new AssertionError("twenty requests ended before they could be paused");
  }

  private List<String> ids(String query) {
    List<String> ids = new ArrayList<>();
    AdminNode.json(node.get("/admin/requests" + query))
        .get("data")
        .forEach(row -> ids.add(row.get("id").asText()));
    return ids;
  }

  @Test
  @DisplayName("requests are listed by pages in the order of their ids, and filtered")
  void list() {
    List<String> all = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      all.add(finished());
    }
    String paused = paused();
    assertThat(ids("?state=paused")).containsExactly(paused);
    List<String> every = new ArrayList<>(all);
    JsonNode page = AdminNode.json(node.get("/admin/requests?state=finished"));
    assertThat(page.get("data")).as("default-limit").hasSize(3);
    assertThat(page.get("next").asText()).isEqualTo(page.at("/data/2/id").asText());
    assertThat(page.get("unanswered")).isEmpty();
    List<String> paged = new ArrayList<>(ids("?state=finished&limit=2"));
    while (paged.size() < 5) {
      paged.addAll(ids("?state=finished&limit=2&after=" + paged.get(paged.size() - 1)));
    }
    assertThat(paged.subList(0, 5)).containsExactlyElementsOf(every);
    String address = AdminNode.json(node.get("/admin/nodes")).at("/data/0/node").asText();
    String device = page.at("/data/0/device").asText();
    assertThat(ids("?device=" + device + "&node=" + address + "&limit=5&state=finished"))
        .hasSize(5);
    assertThat(ids("?device=other")).isEmpty();
    JsonNode row = page.at("/data/0");
    assertThat(row.get("finish_reason").asText()).isEqualTo("length");
    assertThat(row.get("completion_tokens").asInt()).isEqualTo(3);
    assertThat(row.get("node").asText()).isEqualTo(address);
  }

  @Test
  @DisplayName("a request is shown, resumed and cancelled, and one that is not there is not")
  void act() {
    String id = paused();
    JsonNode shown = AdminNode.json(node.get("/admin/requests/" + id));
    assertThat(shown.get("state").asText()).isEqualTo("paused");
    assertThat(shown.get("attempts")).hasSize(1);
    assertThat(shown.at("/attempts/0/epoch").asInt()).isEqualTo(1);
    assertThat(shown.has("text")).isFalse();
    JsonNode resumed = AdminNode.json(node.post("/admin/requests/" + id + "/resume", ""));
    assertThat(resumed.get("state").asText()).isNotEqualTo("paused");
    String other = paused();
    JsonNode cancelled = AdminNode.json(node.post("/admin/requests/" + other + "/cancel", ""));
    assertThat(cancelled.get("finish_reason").asText()).isEqualTo("cancelled");
    for (String act : List.of("pause", "resume", "cancel")) {
      assertThat(node.post("/admin/requests/none/" + act, "").statusCode()).isEqualTo(404);
      assertThat(node.post("/admin/requests/a.b/" + act, "").statusCode()).isEqualTo(404);
    }
    assertThat(node.get("/admin/requests/none").statusCode()).isEqualTo(404);
  }

  @Test
  @DisplayName("what a query cannot mean is told in a sentence")
  void wrongQueries() {
    assertThat(error("?limit=6")).isEqualTo("limit is 6; expected a number from 1 to 5.");
    assertThat(error("?limit=0")).contains("expected a number from 1 to 5");
    assertThat(error("?limit=-1")).contains("limit is -1");
    assertThat(error("?limit=99999999999999")).contains("expected a number from 1 to 5");
    assertThat(error("?state=lost"))
        .isEqualTo("state is lost; expected accepted, assigned, paused, finished.");
    assertThat(error("?states=paused")).contains("expected state, device, node, limit, after");
    assertThat(error("?limit=1&limit=2")).isEqualTo("limit is there twice; expected once.");
    assertThat(error("?node=127.0.0.1:1"))
        .contains("There is no node 127.0.0.1:1; expected one of");
    assertThat(error("?after=%00")).contains("visible ASCII");
    assertThat(node.get("/admin/nodes?x=1").statusCode()).isEqualTo(400);
  }

  private String error(String query) {
    HttpResponse<String> reply = node.get("/admin/requests" + query);
    assertThat(reply.statusCode()).as(query).isEqualTo(400);
    return AdminNode.json(reply).at("/error/message").asText();
  }

  @Test
  @DisplayName("nodes, tenants, journal and demand say what a paused and three ended requests made")
  void cluster() {
    for (int i = 0; i < 3; i++) {
      finished();
    }
    String paused = paused();
    JsonNode row = AdminNode.json(node.get("/admin/nodes")).at("/data/0");
    assertThat(row.get("status").asText()).isEqualTo("up");
    assertThat(row.get("ready").asBoolean()).isTrue();
    assertThat(row.get("unfinished").asInt()).isEqualTo(1);
    assertThat(row.get("roles")).extracting(JsonNode::asText).containsExactly("device", "gateway");
    assertThat(row.at("/device/answers").asBoolean()).isTrue();
    assertThat(row.at("/device/kv_tokens").asLong()).isPositive();
    assertThat(row.at("/device/slots").asInt()).isEqualTo(80);
    JsonNode tenant = AdminNode.json(node.get("/admin/tenants")).at("/data/0");
    assertThat(tenant.get("tenant").asText()).isEmpty();
    assertThat(tenant.get("paused").asInt()).isEqualTo(1);
    JsonNode request = AdminNode.json(node.get("/admin/requests/" + paused));
    assertThat(tenant.get("completion_tokens")).isEqualTo(request.get("completion_tokens"));
    assertThat(tenant.get("remaining_tokens").asInt())
        .isEqualTo(400 - request.get("completion_tokens").asInt());
    JsonNode journal = AdminNode.json(node.get("/admin/journal")).at("/data/0");
    assertThat(journal.get("profile").asText()).isEqualTo("single");
    assertThat(journal.get("durability").asText()).isEqualTo("fsync");
    assertThat(journal.get("commits").asLong()).isPositive();
    assertThat(journal.get("unfinished_requests").asInt()).isEqualTo(1);
    JsonNode demand = AdminNode.json(node.get("/admin/demand")).at("/data/0");
    assertThat(demand.get("devices").asInt()).isEqualTo(1);
    assertThat(demand.get("suggested_devices").asInt()).isEqualTo(1);
    assertThat(demand.get("reason").asText()).isNotBlank();
  }
}
