package dev.cairn.device;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** One reference answer of the shared numerics vectors. */
record Golden(
    String prompt,
    double tolerance,
    double recordedDeviation,
    int[] promptIds,
    double[] promptLogprobs,
    int[] generated,
    double[] margins,
    List<Map<Integer, Double>> top) {

  static List<Golden> read(Path file, String key) throws IOException {
    List<Golden> all = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      Json json = Json.parse(line);
      if (json.get("key").text().equals(key)) {
        all.add(of(json));
      }
    }
    return all;
  }

  private static Golden of(Json json) {
    List<Map<Integer, Double>> top = new ArrayList<>();
    for (Json step : json.get("top5").list()) {
      Map<Integer, Double> map = new HashMap<>();
      for (Json pair : step.list()) {
        map.put((int) pair.list().get(0).number(), pair.list().get(1).number());
      }
      top.add(map);
    }
    Json recorded = json.get("llamacpp_cpu");
    return new Golden(
        json.get("prompt").text(),
        json.get("tol").number(),
        Math.max(recorded.get("top5_max").number(), recorded.get("prompt_max").number()),
        json.get("prompt_ids").ints(),
        json.get("prompt_logprobs").doubles(),
        json.get("gen_ids").ints(),
        json.get("margins").doubles(),
        top);
  }
}
