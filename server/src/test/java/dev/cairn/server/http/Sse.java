package dev.cairn.server.http;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Reads the body of an event stream. */
final class Sse {
  /**
   * An event.
   *
   * @param id null where it has none
   */
  record Event(Integer id, String data) {
    JsonNode json() {
      return Sse.json(data);
    }

    String text() {
      return data.equals("[DONE]") ? "" : json().path("choices").path(0).path("text").asText("");
    }
  }

  private Sse() {}

  static List<Event> events(String body) {
    List<Event> events = new ArrayList<>();
    for (String block : body.split("\n\n")) {
      Integer id = null;
      StringBuilder data = new StringBuilder();
      for (String line : block.split("\n")) {
        if (line.startsWith("id: ")) {
          id = Integer.valueOf(line.substring(4));
        } else if (line.startsWith("data: ")) {
          data.append(line.substring(6));
        }
      }
      if (data.length() > 0) {
        events.add(new Event(id, data.toString()));
      }
    }
    return events;
  }

  /** What a reader of several choices has seen up to an event, and that event's id. */
  record Choices(String id, List<String> texts) {}

  static List<Choices> choices(String body, int count) {
    List<Choices> seen = new ArrayList<>();
    String[] texts = new String[count];
    Arrays.fill(texts, "");
    for (String block : body.split("\n\n")) {
      String id =
          block.lines().filter(l -> l.startsWith("id: ")).findFirst().orElse("").substring(4);
      String data =
          block.lines().filter(l -> l.startsWith("data: ")).findFirst().orElse("").substring(6);
      if (!data.equals("[DONE]")) {
        JsonNode choice = json(data).get("choices").get(0);
        texts[choice.get("index").asInt()] += choice.get("text").asText();
      }
      seen.add(new Choices(id, List.of(texts)));
    }
    return seen;
  }

  static String text(List<Event> events) {
    StringBuilder text = new StringBuilder();
    events.forEach(event -> text.append(event.text()));
    return text.toString();
  }

  static JsonNode json(String text) {
    try {
      return Json.MAPPER.readTree(text);
    } catch (JsonProcessingException e) {
      throw new AssertionError("not JSON: " + text, e);
    }
  }
}
