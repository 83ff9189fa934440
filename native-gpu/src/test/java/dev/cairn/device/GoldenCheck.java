package dev.cairn.device;

import dev.cairn.model.Sampling;
import dev.cairn.model.TokenLogprobs;
import java.util.List;
import java.util.Map;

/** Compares what a device generates with one reference answer. */
final class GoldenCheck {
  private static final int TOP = 20;

  private final Golden golden;
  private final double tieMargin;
  int equalTokens;
  double topDeviation;
  double promptDeviation;
  String mismatch = "";

  GoldenCheck(Golden golden, double tieMargin) {
    this.golden = golden;
    this.tieMargin = tieMargin;
  }

  void run(Device device) {
    int[] prompt = golden.promptIds();
    SlotSpec spec = new SlotSpec(prompt, prompt.length, Sampling.GREEDY, 0, TOP, true);
    List<StepResult.Output> outputs =
        Sequences.generate(device, List.of(spec), golden.generated().length).get(0);
    List<TokenLogprobs> promptLogprobs = outputs.get(0).promptLogprobs();
    for (int i = 1; i < prompt.length; i++) {
      double d = Math.abs(promptLogprobs.get(i - 1).logprob() - golden.promptLogprobs()[i]);
      promptDeviation = Math.max(promptDeviation, d);
    }
    for (int i = 0; i < outputs.size(); i++) {
      compareTop(golden.top().get(i), outputs.get(i).logprobs());
      if (outputs.get(i).token() != golden.generated()[i]) {
        if (golden.margins()[i] >= tieMargin) {
          mismatch = "token " + i + " is " + outputs.get(i).token();
        }
        return;
      }
      equalTokens++;
    }
  }

  private void compareTop(Map<Integer, Double> expected, TokenLogprobs actual) {
    for (Map.Entry<Integer, Double> e : expected.entrySet()) {
      double best = Double.POSITIVE_INFINITY;
      for (int i = 0; i < actual.topTokens().length; i++) {
        if (actual.topTokens()[i] == e.getKey()) {
          best = Math.abs(actual.topLogprobs()[i] - e.getValue());
        }
      }
      topDeviation = Math.max(topDeviation, best);
    }
  }
}
