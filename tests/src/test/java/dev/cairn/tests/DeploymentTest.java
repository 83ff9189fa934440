package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.cairn.cluster.NodeConfig;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The files in {@code deploy} say what the configuration says. */
class DeploymentTest {
  private static final Path DEPLOY = Path.of("../deploy");
  private static final String LABELS = "matchLabels";

  /** Objects whose names are chosen by who writes them. A service's selector is one too. */
  private static final Set<String> FREE =
      Set.of("labels", LABELS, "data", "stringData", "requests", "limits");

  private static final Config DEFAULTS = NodeConfig.load(ConfigFactory.empty());

  private static List<JsonNode> everything() throws IOException {
    List<JsonNode> all = new ArrayList<>();
    YAMLMapper yaml =
        YAMLMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(DEPLOY.resolve("kubernetes"), "*.yaml")) {
      for (Path file : files) {
        try (MappingIterator<JsonNode> each =
            yaml.readerFor(JsonNode.class).readValues(file.toFile())) {
          all.addAll(each.readAll());
        }
      }
    }
    return all;
  }

  private static JsonNode named(String kind, String name) throws IOException {
    return everything().stream()
        .filter(each -> each.path("kind").asText().equals(kind))
        .filter(each -> each.at("/metadata/name").asText().equals(name))
        .findFirst()
        .orElseThrow(() -> new AssertionError("there is no " + kind + " " + name));
  }

  private static List<JsonNode> statefulSets() throws IOException {
    return List.of(named("StatefulSet", "cairn"), named("StatefulSet", "cairn-device"));
  }

  private static JsonNode container(JsonNode statefulSet) {
    return statefulSet.at("/spec/template/spec/containers/0");
  }

  private static int port(JsonNode container, String name) {
    for (JsonNode each : container.path("ports")) {
      if (each.path("name").asText().equals(name)) {
        return each.path("containerPort").asInt();
      }
    }
    throw new AssertionError("the container has no port " + name);
  }

  private static Config inCluster() throws IOException {
    String text = named("ConfigMap", "cairn").at("/data/cairn.conf").asText();
    return NodeConfig.load(ConfigFactory.parseString(text));
  }

  @Test
  @DisplayName("each document is an object of Kubernetes' API, with no property that it lacks")
  void schema() throws IOException {
    assertThat(everything()).hasSize(7);
    for (JsonNode each : everything()) {
      assertThatCode(() -> KubernetesModels.read(each))
          .as("%s %s", each.path("kind").asText(), each.at("/metadata/name").asText())
          .doesNotThrowAnyException();
    }
  }

  @Test
  @DisplayName("each property of each document, when misspelt, is refused by its name")
  void misspelt() throws IOException {
    int refused = 0;
    for (JsonNode document : everything()) {
      for (ObjectNode object : objects(document, new ArrayList<>())) {
        for (String property : names(object)) {
          if (object.equals(document) && List.of("apiVersion", "kind").contains(property)) {
            continue; // by which the class is found
          }
          JsonNode value = object.remove(property);
          object.set(property + "_", value);
          assertThatThrownBy(() -> KubernetesModels.read(document))
              .isInstanceOf(UnrecognizedPropertyException.class)
              .hasMessageContaining("\"" + property + "_\"");
          object.remove(property + "_");
          object.set(property, value);
          refused++;
        }
      }
    }
    assertThat(refused).isGreaterThan(200);
  }

  /** The objects in a document whose names are the API's, not those of who wrote it. */
  private static List<ObjectNode> objects(JsonNode node, List<ObjectNode> found) {
    if (node.isObject()) {
      found.add((ObjectNode) node);
    }
    for (JsonNode element : node.isArray() ? node : List.<JsonNode>of()) {
      objects(element, found);
    }
    for (String name : names(node)) {
      boolean labels = name.equals("selector") && !node.path(name).has(LABELS);
      if (!labels && !FREE.contains(name)) {
        objects(node.get(name), found);
      }
    }
    return found;
  }

  private static List<String> names(JsonNode object) {
    List<String> names = new ArrayList<>();
    object.fieldNames().forEachRemaining(names::add);
    return names;
  }

  @ParameterizedTest
  @CsvSource({
    "/spec, replicas, '\"3\"'",
    "/spec, serviceName, 7",
    "/spec, podManagementPolicy, true",
    "/spec/template/metadata/labels, cairn.dev/gateway, true",
    "/spec/template/spec, containers, '{}'",
    "/spec/template/spec, terminationGracePeriodSeconds, '\"60 s\"'",
    "/spec/template/spec/containers/0/env/1, value, 1",
    "/spec/template/spec/containers/0/resources/limits, memory, '\"4 GB\"'",
    "/spec/template/spec/volumes/3/emptyDir, sizeLimit, '\"much\"'"
  })
  @DisplayName("a value of another type is refused")
  void ofAnotherType(String object, String property, String value) throws IOException {
    JsonNode set = named("StatefulSet", "cairn");
    assertThat(set.at(object).has(property)).isTrue();
    ((ObjectNode) set.at(object)).set(property, new ObjectMapper().readTree(value));
    assertThatThrownBy(() -> KubernetesModels.read(set))
        .isInstanceOf(JsonProcessingException.class)
        .hasMessageContaining(property);
  }

  @Test
  @DisplayName("ports are those that the configuration names")
  void ports() throws IOException {
    Config config = inCluster();
    JsonNode gateway = container(named("StatefulSet", "cairn"));
    assertThat(port(gateway, "api")).isEqualTo(config.getInt("cairn.http.port"));
    for (JsonNode set : statefulSets()) {
      assertThat(port(container(set), "admin")).isEqualTo(config.getInt("cairn.admin.port"));
      assertThat(port(container(set), "cluster-udp")).isEqualTo(config.getInt("cairn.node.port"));
      assertThat(port(container(set), "cluster-tcp")).isEqualTo(config.getInt("cairn.node.port"));
    }
    assertThat(Files.readString(DEPLOY.resolve("Dockerfile")))
        .contains(
            String.format(
                "EXPOSE %d %d %d/tcp %d/udp",
                config.getInt("cairn.http.port"),
                config.getInt("cairn.admin.port"),
                config.getInt("cairn.node.port"),
                config.getInt("cairn.node.port")))
        .contains("USER 10001:10001");
  }

  @Test
  @DisplayName("seeds are pods of the stateful set, by the service through which it names them")
  void seeds() throws IOException {
    JsonNode set = named("StatefulSet", "cairn");
    String service = set.at("/spec/serviceName").asText();
    List<String> expected = new ArrayList<>();
    for (int i = 0; i < set.at("/spec/replicas").asInt(); i++) {
      expected.add("cairn-" + i + "." + service + ":" + inCluster().getInt("cairn.node.port"));
    }
    assertThat(inCluster().getStringList("cairn.cluster.seeds")).isEqualTo(expected);
    assertThat(inCluster().getString("cairn.profile")).isEqualTo("cluster");
    JsonNode nodes = named("Service", service);
    assertThat(nodes.at("/spec/clusterIP").asText()).isEqualTo("None");
    assertThat(nodes.at("/spec/publishNotReadyAddresses").asBoolean()).isTrue();
    for (JsonNode each : statefulSets()) {
      assertThat(each.at("/spec/serviceName").asText()).isEqualTo(service);
      assertThat(selects(nodes.at("/spec/selector"), each)).isTrue();
    }
  }

  /** Whether a selector's labels are all among those of the pods of a stateful set. */
  private static boolean selects(JsonNode selector, JsonNode set) {
    JsonNode labels = set.at("/spec/template/metadata/labels");
    List<String> keys = names(selector);
    return !keys.isEmpty()
        && keys.stream().allMatch(key -> selector.get(key).equals(labels.path(key)));
  }

  @Test
  @DisplayName("clients reach gateways alone, and a disruption leaves a majority of them")
  void selectors() throws IOException {
    JsonNode gateways = named("StatefulSet", "cairn");
    JsonNode devices = named("StatefulSet", "cairn-device");
    JsonNode service = named("Service", "cairn").at("/spec/selector");
    JsonNode budget = named("PodDisruptionBudget", "cairn");
    assertThat(selects(service, gateways)).isTrue();
    assertThat(selects(service, devices)).isFalse();
    assertThat(selects(budget.at("/spec/selector/matchLabels"), gateways)).isTrue();
    int left = gateways.at("/spec/replicas").asInt() - budget.at("/spec/maxUnavailable").asInt();
    assertThat(left * 2).isGreaterThan(gateways.at("/spec/replicas").asInt());
    for (JsonNode each : statefulSets()) {
      assertThat(selects(each.at("/spec/selector/matchLabels"), each)).isTrue();
    }
  }

  @Test
  @DisplayName("a pod is given the time that a node takes to stop")
  void grace() throws IOException {
    long seconds =
        DEFAULTS.getDuration("cairn.node.drain-timeout").toSeconds()
            + DEFAULTS.getDuration("cairn.node.stop-timeout").toSeconds()
            + DEFAULTS.getDuration("cairn.http.stop-timeout").toSeconds()
            + DEFAULTS.getDuration("cairn.isolation.stop-timeout").toSeconds();
    for (JsonNode each : statefulSets()) {
      assertThat(each.at("/spec/template/spec/terminationGracePeriodSeconds").asLong())
          .isGreaterThan(seconds);
    }
  }

  @Test
  @DisplayName("pods are watched, have no rights that they do not need, and write to volumes alone")
  void pods() throws IOException {
    for (JsonNode each : statefulSets()) {
      JsonNode container = container(each);
      assertThat(container.at("/startupProbe/httpGet/path").asText()).isEqualTo("/health/live");
      assertThat(container.at("/livenessProbe/httpGet/path").asText()).isEqualTo("/health/live");
      assertThat(container.at("/readinessProbe/httpGet/path").asText()).isEqualTo("/health/ready");
      assertThat(container.at("/resources/requests/memory").asText()).isNotEmpty();
      assertThat(container.at("/securityContext/readOnlyRootFilesystem").asBoolean()).isTrue();
      assertThat(container.at("/securityContext/allowPrivilegeEscalation").asBoolean(true))
          .isFalse();
      assertThat(each.at("/spec/template/spec/securityContext/runAsNonRoot").asBoolean()).isTrue();
      List<String> mounted = container.path("volumeMounts").findValuesAsText("mountPath");
      assertThat(mounted).contains("/data", "/tmp", "/dev/shm", "/etc/cairn");
    }
  }

  @Test
  @DisplayName("the keys of the API are read where their secret is mounted")
  void keys() throws IOException {
    JsonNode set = named("StatefulSet", "cairn");
    String volume = "";
    for (JsonNode each : set.at("/spec/template/spec/volumes")) {
      if (each.at("/secret/secretName").asText().equals("cairn-keys")) {
        volume = each.path("name").asText();
      }
    }
    String mounted = "";
    for (JsonNode each : container(set).path("volumeMounts")) {
      if (each.path("name").asText().equals(volume)) {
        mounted = each.path("mountPath").asText();
      }
    }
    assertThat(inCluster().getString("cairn.http.keys.file")).isEqualTo(mounted + "/api.keys");
  }

  @Test
  @DisplayName("what is read from the secret is in the secret")
  void secret() throws IOException {
    JsonNode data = named("Secret", "cairn-postgres").path("stringData");
    List<JsonNode> references =
        container(named("StatefulSet", "cairn")).path("env").findValues("secretKeyRef");
    assertThat(references).hasSize(3);
    for (JsonNode each : references) {
      assertThat(each.path("name").asText()).isEqualTo("cairn-postgres");
      assertThat(data.has(each.path("key").asText())).isTrue();
    }
  }
}
