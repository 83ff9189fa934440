package dev.cairn.actors;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;

/** Vectors without a device: of a length of 1, and told from the tokens and the pooling. */
public final class InMemoryEmbeddings implements Embeddings {
  /** Numbers of a vector, as many as TestNode's model is wide. */
  public static final int WIDTH = 8;

  private final List<Call> calls = new CopyOnWriteArrayList<>();
  private final List<CompletableFuture<List<float[]>>> waiting = new CopyOnWriteArrayList<>();
  private volatile boolean manual;
  private volatile RuntimeException refusal;

  /** From now on calls are not answered. */
  public void manual() {
    manual = true;
  }

  /** From now on calls fail with this; null: none do. */
  public void refuseWith(RuntimeException failure) {
    refusal = failure;
  }

  /** Calls that came. */
  public List<Call> calls() {
    return List.copyOf(calls);
  }

  /** Calls that are not answered and were not given up. */
  public long waiting() {
    return waiting.stream().filter(each -> !each.isDone()).count();
  }

  /** The vector of a text. */
  public static float[] vector(Call call, int[] tokens) {
    float[] values = new float[WIDTH];
    for (int i = 0; i < tokens.length; i++) {
      values[i % WIDTH] += (tokens[i] + 1) * (call.pooling().ordinal() + i);
    }
    return Embeddings.normalized(values);
  }

  @Override
  public CompletableFuture<List<float[]>> embed(Call call) {
    calls.add(call);
    if (refusal != null) {
      return CompletableFuture.failedFuture(refusal);
    }
    CompletableFuture<List<float[]>> vectors = new CompletableFuture<>();
    if (manual) {
      waiting.add(vectors);
      return vectors;
    }
    List<float[]> all = new ArrayList<>();
    call.inputs().forEach(tokens -> all.add(vector(call, tokens)));
    vectors.complete(all);
    return vectors;
  }
}
