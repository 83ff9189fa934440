package dev.cairn.actors;

import dev.cairn.model.Pooling;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;

/**
 * Vectors of texts, as the HTTP API and a host application ask for them. A vector is a pure
 * function of the model's file, the numerics version, the tokens and the pooling, bit for bit. It
 * is not journaled: until it is whole nobody has seen any of it, and whoever asks again gets the
 * same.
 */
public interface Embeddings {
  /**
   * What is wanted.
   *
   * @param tenant whose it is; empty: nobody's in particular
   * @param weight its tenant's part of a device's time, as the API key says; 0: it says nothing
   * @param pooling how each vector is made; not {@link Pooling#NONE}
   * @param inputs tokens of each text, at least one text of at least one token
   */
  record Call(String tenant, double weight, Pooling pooling, List<int[]> inputs) {
    public Call {
      inputs = List.copyOf(inputs);
      Objects.requireNonNull(tenant, "a call without a tenant, expected empty for none");
      if (pooling == Pooling.NONE) {
        throw new IllegalArgumentException("a call pools nothing, expected mean or last");
      }
      if (inputs.isEmpty() || inputs.stream().anyMatch(tokens -> tokens.length == 0)) {
        throw new IllegalArgumentException(
            "a call has " + inputs.size() + " texts, expected at least one, and none empty");
      }
    }
  }

  /**
   * Computes the vectors of a call.
   *
   * @return one vector for each input, in order, of length 1 and as wide as the model. Cancelling
   *     it gives everything back that was taken for the call. Fails with {@link RejectedException}
   *     where the call is refused or cannot be completed in time, and with {@link NotFinite} where
   *     the model's numbers are at fault
   */
  CompletableFuture<List<float[]>> embed(Call call);

  /** The model computed numbers for a text that are not finite, so that it has no vector. */
  final class NotFinite extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public NotFinite(String message) {
      super(message);
    }
  }

  /**
   * A vector of length 1 in the same direction: squares are added in double precision, from the
   * first on, and each element is divided by the root of the sum. All zeros stay as they are.
   */
  static float[] normalized(float[] vector) {
    double squares = 0;
    for (float x : vector) {
      squares += (double) x * x;
    }
    double length = Math.sqrt(squares);
    float[] unit = new float[vector.length];
    for (int i = 0; i < unit.length && length > 0; i++) {
      unit[i] = (float) (vector[i] / length);
    }
    return unit;
  }
}
