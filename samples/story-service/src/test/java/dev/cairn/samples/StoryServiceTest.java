package dev.cairn.samples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.BufferedReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoryServiceTest {
  @TempDir Path directory;
  private final HttpClient client = HttpClient.newHttpClient();

  /** The service in a JVM without any option, as a host has one. */
  private Process start() throws Exception {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("java.class.path"),
            StoryService.class.getName(),
            directory.toString(),
            "0")
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  private static URI address(Process service) throws Exception {
    BufferedReader out = service.inputReader();
    String line =
        CompletableFuture.supplyAsync(() -> out.lines().findFirst().orElse(""))
            .get(2, TimeUnit.MINUTES);
    return URI.create(line.substring(line.indexOf("http")));
  }

  private String story(URI service) throws Exception {
    return client
        .send(
            HttpRequest.newBuilder(service.resolve("/the-fox?Once+there+was+a+fox")).build(),
            HttpResponse.BodyHandlers.ofString())
        .body();
  }

  @Test
  @DisplayName("L10 a service with Cairn inside tells the same story after it was killed")
  void survives() throws Exception {
    String whole;
    Process first = start();
    try {
      whole = story(address(first));
      assertFalse(whole.isEmpty());
    } finally {
      first.destroyForcibly().waitFor();
    }
    Process second = start();
    try {
      assertEquals(whole, story(address(second)));
      second.destroy();
      assertEquals(true, second.waitFor(1, TimeUnit.MINUTES));
    } finally {
      second.destroyForcibly().waitFor();
    }
  }
}
