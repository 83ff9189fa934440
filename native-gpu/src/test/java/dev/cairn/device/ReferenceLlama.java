package dev.cairn.device;

import dev.cairn.model.ModelSpec;
import dev.cairn.model.TensorInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * The llama architecture in double precision, one token after another, for small models. The inputs
 * of products with quantized weights are rounded to 8 bits in blocks of 32, keys and values to half
 * precision, as the device does.
 */
final class ReferenceLlama {
  private static final int BLOCK = 32;

  private record Matrix(double[][] rows, boolean quantized) {}

  private final ModelSpec model;
  private final Map<String, Matrix> weights = new HashMap<>();

  ReferenceLlama(ModelSpec model) throws IOException {
    this.model = model;
    ByteBuffer data =
        ByteBuffer.wrap(Files.readAllBytes(model.file())).order(ByteOrder.LITTLE_ENDIAN);
    for (TensorInfo tensor : model.tensors()) {
      weights.put(tensor.name(), read(data, tensor));
    }
  }

  private static Matrix read(ByteBuffer data, TensorInfo tensor) {
    int in = Math.toIntExact(tensor.shape().get(0));
    int out = tensor.shape().size() > 1 ? Math.toIntExact(tensor.shape().get(1)) : 1;
    double[][] rows = new double[out][in];
    for (int r = 0; r < out; r++) {
      for (int i = 0; i < in; i++) {
        long index = (long) r * in + i;
        rows[r][i] = WeightBlocks.value(data, (int) tensor.offset(), tensor.type(), index);
      }
    }
    return new Matrix(rows, tensor.type().blockLength() > 1);
  }

  /** Natural logarithms of the probabilities of every token after each of these tokens. */
  double[][] logprobs(int[] tokens) {
    double[][][] keys = new double[model.layerCount()][tokens.length][];
    double[][][] values = new double[model.layerCount()][tokens.length][];
    double[][] result = new double[tokens.length][];
    for (int p = 0; p < tokens.length; p++) {
      double[] x = weights.get("token_embd.weight").rows()[tokens[p]].clone();
      for (int layer = 0; layer < model.layerCount(); layer++) {
        String name = "blk." + layer + ".";
        double[] h = norm(x, name + "attn_norm");
        double[] q = rotate(multiply(name + "attn_q", h), p);
        keys[layer][p] = halves(rotate(multiply(name + "attn_k", h), p));
        values[layer][p] = halves(multiply(name + "attn_v", h));
        add(x, multiply(name + "attn_output", attend(q, keys[layer], values[layer], p)));
        h = norm(x, name + "ffn_norm");
        double[] gate = multiply(name + "ffn_gate", h);
        double[] up = multiply(name + "ffn_up", h);
        for (int i = 0; i < gate.length; i++) {
          gate[i] = gate[i] / (1 + Math.exp(-gate[i])) * up[i];
        }
        add(x, multiply(name + "ffn_down", gate));
      }
      result[p] = logSoftmax(multiply("output", norm(x, "output_norm")));
    }
    return result;
  }

  private static double[] logSoftmax(double[] x) {
    double max = Arrays.stream(x).max().orElseThrow();
    double sum = Arrays.stream(x).map(v -> Math.exp(v - max)).sum();
    return Arrays.stream(x).map(v -> v - max - Math.log(sum)).toArray();
  }

  private static void add(double[] x, double[] y) {
    for (int i = 0; i < x.length; i++) {
      x[i] += y[i];
    }
  }

  private double[] norm(double[] x, String name) {
    double squares = Arrays.stream(x).map(v -> v * v).sum();
    double scale = 1 / Math.sqrt(squares / x.length + model.rmsNormEpsilon());
    double[] w = weights.get(name + ".weight").rows()[0];
    double[] y = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      y[i] = x[i] * scale * w[i];
    }
    return y;
  }

  private static double[] halves(double[] x) {
    for (int i = 0; i < x.length; i++) {
      double unit = Math.scalb(1.0, Math.max(Math.getExponent(x[i]), -14) - 10);
      x[i] = Math.rint(x[i] / unit) * unit;
    }
    return x;
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

  private double[] multiply(String name, double[] x) {
    Matrix matrix = weights.get(name + ".weight");
    double[] in = matrix.quantized() ? rounded(x) : x;
    double[] y = new double[matrix.rows().length];
    for (int r = 0; r < y.length; r++) {
      double[] row = matrix.rows()[r];
      for (int i = 0; i < in.length; i++) {
        y[r] += row[i] * in[i];
      }
    }
    return y;
  }

  private double[] rotate(double[] x, int position) {
    int length = model.headLength();
    for (int head = 0; head < x.length; head += length) {
      for (int i = 0; i < length / 2; i++) {
        double angle = position * Math.pow(model.rope().full().base(), -2.0 * i / length);
        double a = x[head + i];
        double b = x[head + i + length / 2];
        x[head + i] = a * Math.cos(angle) - b * Math.sin(angle);
        x[head + i + length / 2] = a * Math.sin(angle) + b * Math.cos(angle);
      }
    }
    return x;
  }

  private double[] attend(double[] q, double[][] keys, double[][] values, int position) {
    int length = model.headLength();
    int shared = model.headCount() / model.kvHeadCount();
    double[] out = new double[q.length];
    for (int head = 0; head < model.headCount(); head++) {
      int kv = head / shared * length;
      double[] scores = new double[position + 1];
      for (int t = 0; t <= position; t++) {
        for (int i = 0; i < length; i++) {
          scores[t] += q[head * length + i] * keys[t][kv + i] / Math.sqrt(length);
        }
      }
      double[] weight = logSoftmax(scores);
      for (int t = 0; t <= position; t++) {
        for (int i = 0; i < length; i++) {
          out[head * length + i] += Math.exp(weight[t]) * values[t][kv + i];
        }
      }
    }
    return out;
  }
}
