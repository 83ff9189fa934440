package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** The list of versions that hosts import. */
class BomTest {
  /** Not for hosts: what tries and tests Cairn. */
  private static final Set<String> INTERNAL =
      Set.of("local-postgres", "dev-cluster", "tests", "bom", "samples/story-service");

  private static String read(String file) throws Exception {
    Path root = Path.of("").toAbsolutePath();
    while (!Files.exists(root.resolve("bom"))) {
      root = root.getParent();
    }
    return Files.readString(root.resolve(file));
  }

  @Test
  @DisplayName("has every module that a host may use, and no other")
  void modules() throws Exception {
    Set<String> published = new TreeSet<>();
    Matcher module = Pattern.compile("<module>(.*)</module>").matcher(read("pom.xml"));
    while (module.find()) {
      // What a profile builds is for its own purpose.
      if (!INTERNAL.contains(module.group(1)) && !module.group(1).equals("bench-peer")) {
        published.add("cairn-" + module.group(1));
      }
    }
    Set<String> listed = new TreeSet<>();
    Matcher artifact =
        Pattern.compile("<artifactId>(cairn-(?!bom).*)</artifactId>").matcher(read("bom/pom.xml"));
    while (artifact.find()) {
      listed.add(artifact.group(1));
    }
    assertThat(listed).isEqualTo(published);
  }

  @Test
  @DisplayName("names the versions that Cairn is built with")
  void versions() throws Exception {
    String parent = read("pom.xml");
    Map<String, String> properties = new TreeMap<>();
    for (String name : List.of("pekkoVersion", "jacksonVersion", "scalaVersion")) {
      Matcher matcher = Pattern.compile("<" + name + ">(.*)</" + name + ">").matcher(parent);
      assertThat(matcher.find()).as(name).isTrue();
      properties.put(name, matcher.group(1));
    }
    String bom = read("bom/pom.xml");
    assertThat(version(bom, "pekko-bom_2.13")).isEqualTo(properties.get("pekkoVersion"));
    assertThat(version(bom, "jackson-bom")).isEqualTo(properties.get("jacksonVersion"));
    assertThat(version(bom, "scala-library")).isEqualTo(properties.get("scalaVersion"));
  }

  private static String version(String pom, String artifact) {
    Matcher matcher =
        Pattern.compile(
                "<artifactId>"
                    + Pattern.quote(artifact)
                    + "</artifactId>\\s*<version>(.*)</version>")
            .matcher(pom);
    assertThat(matcher.find()).as(artifact).isTrue();
    return matcher.group(1);
  }
}
