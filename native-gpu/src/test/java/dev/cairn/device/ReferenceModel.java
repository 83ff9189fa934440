package dev.cairn.device;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a model means, in double precision and plain loops: one token after the other through the
 * definitions of its architecture (llama, qwen2, qwen3, gemma2, gemma3, phi3), its keys read with
 * llama.cpp's defaults. Keys and values are rounded to half precision, for so they are stored, and
 * the inputs of products with quantized weights to 8 bits in blocks of 32, as the device does.
 */
final class ReferenceModel {
  private static final int BLOCK = 32;

  private final ModelValues model;
  private final int maxContext;
  private final List<List<double[]>> keys = new ArrayList<>();
  private final List<List<double[]>> values = new ArrayList<>();

  /** A model on a device whose sequences may have this many tokens. */
  ReferenceModel(ModelValues model, int maxContext) {
    this.model = model;
    this.maxContext = maxContext;
  }

  /** Log-probabilities of every token of the vocabulary after each token of the sequence. */
  List<double[]> logProbabilities(int[] tokens) {
    return hiddenStates(tokens).stream().map(this::logits).map(ReferenceModel::logSoftmax).toList();
  }

  /** Outputs of the final norm after each token of the sequence. */
  List<double[]> hiddenStates(int[] tokens) {
    keys.clear();
    values.clear();
    for (int layer = 0; layer < model.layers(); layer++) {
      keys.add(new ArrayList<>());
      values.add(new ArrayList<>());
    }
    List<double[]> result = new ArrayList<>();
    for (int position = 0; position < tokens.length; position++) {
      result.add(hidden(tokens[position], position));
    }
    return result;
  }

  private double[] hidden(int token, int position) {
    double[] x = doubles(model.row("token_embd.weight", token));
    if (gemma()) {
      scale(x, Math.sqrt(x.length));
    }
    for (int layer = 0; layer < model.layers(); layer++) {
      String block = "blk." + layer + ".";
      double[] attended = attention(layer, norm(x, block + "attn_norm.weight"), position);
      double[] y = product(block + "attn_output", attended);
      add(x, gemma() ? norm(y, block + "post_attention_norm.weight") : y);
      double[] z = feedForward(block, norm(x, block + "ffn_norm.weight"));
      add(x, gemma() ? norm(z, block + "post_ffw_norm.weight") : z);
    }
    return norm(x, "output_norm.weight");
  }

  private double[] logits(double[] hidden) {
    boolean own = model.tensors.containsKey("output.weight");
    double[] logits = product(own ? "output" : "token_embd", hidden);
    double cap = gemma() ? model.number("final_logit_softcapping", gemma(2) ? 30 : 0) : 0;
    for (int i = 0; i < logits.length; i++) {
      logits[i] = capped(logits[i], cap);
    }
    return logits;
  }

  private double[] attention(int layer, double[] x, int position) {
    String block = "blk." + layer + ".";
    int n = model.headLength();
    int query = model.heads() * n;
    int keyValue = model.kvHeads() * n;
    double[] q;
    double[] k;
    double[] v;
    if (model.tensors.containsKey(block + "attn_qkv.weight")) {
      double[] all = product(block + "attn_qkv", x);
      q = Arrays.copyOfRange(all, 0, query);
      k = Arrays.copyOfRange(all, query, query + keyValue);
      v = Arrays.copyOfRange(all, query + keyValue, query + 2 * keyValue);
    } else {
      q = product(block + "attn_q", x);
      k = product(block + "attn_k", x);
      v = product(block + "attn_v", x);
    }
    prepareHeads(q, layer, block + "attn_q_norm.weight", position);
    prepareHeads(k, layer, block + "attn_k_norm.weight", position);
    keys.get(layer).add(halves(k));
    values.get(layer).add(halves(v));
    double[] out = new double[query];
    int first = windowed(layer) ? Math.max(0, position - window() + 1) : 0;
    for (int head = 0; head < model.heads(); head++) {
      int at = head / (model.heads() / model.kvHeads()) * n;
      double[] scores = new double[position + 1 - first];
      for (int t = first; t <= position; t++) {
        double dot = 0;
        for (int i = 0; i < n; i++) {
          dot += q[head * n + i] * keys.get(layer).get(t)[at + i];
        }
        double cap = gemma(2) ? model.number("attn_logit_softcapping", 50) : 0;
        scores[t - first] = capped(dot / Math.sqrt(n), cap);
      }
      double[] weights = logSoftmax(scores);
      for (int t = first; t <= position; t++) {
        for (int i = 0; i < n; i++) {
          out[head * n + i] += Math.exp(weights[t - first]) * values.get(layer).get(t)[at + i];
        }
      }
    }
    return out;
  }

  private void prepareHeads(double[] heads, int layer, String norm, int position) {
    int n = model.headLength();
    for (int from = 0; from < heads.length; from += n) {
      double[] head = Arrays.copyOfRange(heads, from, from + n);
      if (model.architecture.equals("qwen3") || gemma(3)) {
        head = norm(head, norm);
      }
      rotate(head, layer, position);
      System.arraycopy(head, 0, heads, from, n);
    }
  }

  private void rotate(double[] head, int layer, int position) {
    int pairs = (int) model.number("rope.dimension_count", head.length) / 2;
    boolean neighbours = model.architecture.equals("llama");
    for (int i = 0; i < pairs; i++) {
      int a = neighbours ? 2 * i : i;
      int b = neighbours ? 2 * i + 1 : i + pairs;
      double angle = position * frequency(i, 2 * pairs, layer);
      double c = Math.cos(angle) * magnitude();
      double s = Math.sin(angle) * magnitude();
      double x = head[a];
      double y = head[b];
      head[a] = x * c - y * s;
      head[b] = x * s + y * c;
    }
  }

  private double frequency(int pair, int dimensions, int layer) {
    boolean local = gemma(3) && windowed(layer);
    double base = local ? 10000 : model.number("rope.freq_base", 10000);
    if (windowed(layer)) {
      base = model.number("rope.freq_base_swa", base);
    }
    double f = Math.pow(base, -2.0 * pair / dimensions);
    if (model.tensors.containsKey("rope_factors_long.weight")) {
      double original = model.number("rope.scaling.original_context_length", RandomModel.CONTEXT);
      String which = maxContext > original ? "long" : "short";
      f /= model.row("rope_factors_" + which + ".weight", 0)[pair];
    }
    double scale = local ? 1 : scale();
    return yarn() ? mixed(f, pair, dimensions, base) : f / scale;
  }

  /** YaRN: the share of the scaled frequency rises from the fast pair to the slow one. */
  private double mixed(double f, int pair, int dimensions, double base) {
    double context = model.number("rope.scaling.original_context_length", RandomModel.CONTEXT);
    double fast = model.number("rope.scaling.yarn_beta_fast", 32);
    double slow = model.number("rope.scaling.yarn_beta_slow", 1);
    double perTurn = dimensions / (2 * Math.log(base));
    double low = Math.floor(perTurn * Math.log(context / (fast * 2 * Math.PI)));
    double high = Math.ceil(perTurn * Math.log(context / (slow * 2 * Math.PI)));
    low = Math.max(low, 0);
    high = Math.min(high, dimensions - 1);
    double share = (pair - low) / Math.max(high - low, 0.001);
    share = Math.min(1, Math.max(0, share));
    return f / scale() * share + f * (1 - share);
  }

  private double magnitude() {
    double yarn = yarn() ? 1 + 0.1 * Math.log(scale()) : 1;
    return model.number("rope.scaling.attn_factor", 1) * yarn;
  }

  private boolean yarn() {
    return "yarn".equals(model.keys.get(model.architecture + ".rope.scaling.type"));
  }

  private double scale() {
    return model.number("rope.scaling.factor", 1);
  }

  private int window() {
    return (int) model.number("attention.sliding_window", gemma(2) ? 4096 : 0);
  }

  private boolean windowed(int layer) {
    return (gemma(2) && layer % 2 == 0) || (gemma(3) && window() > 0 && layer % 6 != 5);
  }

  private double[] feedForward(String block, double[] x) {
    double[] up = product(block + "ffn_up", x);
    double[] gate;
    if (model.architecture.equals("phi3")) {
      gate = Arrays.copyOfRange(up, 0, up.length / 2);
      up = Arrays.copyOfRange(up, up.length / 2, up.length);
    } else {
      gate = product(block + "ffn_gate", x);
    }
    for (int i = 0; i < gate.length; i++) {
      double g = gate[i];
      double inner = Math.sqrt(2 / Math.PI) * (g + 0.044715 * g * g * g);
      gate[i] = (gemma() ? g / 2 * (1 + Math.tanh(inner)) : g / (1 + Math.exp(-g))) * up[i];
    }
    return product(block + "ffn_down", gate);
  }

  private double[] product(String name, double[] x) {
    ModelValues.Weights weights = model.tensors.get(name + ".weight");
    double[] in = weights.quantized() ? rounded(x) : x;
    double[] y = new double[weights.values().length / weights.columns()];
    for (int row = 0; row < y.length; row++) {
      for (int i = 0; i < in.length; i++) {
        y[row] += (double) weights.values()[row * in.length + i] * in[i];
      }
    }
    if (model.tensors.containsKey(name + ".bias")) {
      add(y, doubles(model.row(name + ".bias", 0)));
    }
    return y;
  }

  private static double[] rounded(double[] x) {
    double[] y = new double[x.length];
    for (int b = 0; b < x.length; b += BLOCK) {
      double most = 0;
      for (int i = b; i < b + BLOCK; i++) {
        most = Math.max(most, Math.abs(x[i]));
      }
      for (int i = b; i < b + BLOCK && most > 0; i++) {
        y[i] = Math.rint(x[i] * 127 / most) * most / 127;
      }
    }
    return y;
  }

  private double[] norm(double[] x, String weights) {
    double square = Arrays.stream(x).map(v -> v * v).sum() / x.length;
    double root = Math.sqrt(square + model.number("attention.layer_norm_rms_epsilon", 0));
    float[] w = model.row(weights, 0);
    double[] y = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      y[i] = x[i] / root * w[i];
    }
    return y;
  }

  private boolean gemma() {
    return model.architecture.startsWith("gemma");
  }

  private boolean gemma(int version) {
    return model.architecture.equals("gemma" + version);
  }

  private static double capped(double x, double cap) {
    return cap == 0 ? x : cap * Math.tanh(x / cap);
  }

  private static double[] halves(double[] x) {
    return Arrays.stream(x)
        .map(
            v -> {
              double unit = Math.scalb(1.0, Math.max(Math.getExponent(v), -14) - 10);
              return Math.rint(v / unit) * unit;
            })
        .toArray();
  }

  private static double[] doubles(float[] x) {
    double[] y = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      y[i] = x[i];
    }
    return y;
  }

  private static void add(double[] x, double[] y) {
    for (int i = 0; i < x.length; i++) {
      x[i] += y[i];
    }
  }

  private static void scale(double[] x, double by) {
    for (int i = 0; i < x.length; i++) {
      x[i] *= by;
    }
  }

  private static double[] logSoftmax(double[] x) {
    double top = Arrays.stream(x).max().orElseThrow();
    double total = Math.log(Arrays.stream(x).map(v -> Math.exp(v - top)).sum()) + top;
    return Arrays.stream(x).map(v -> v - total).toArray();
  }
}
