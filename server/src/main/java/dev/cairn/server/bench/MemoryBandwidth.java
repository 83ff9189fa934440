package dev.cairn.server.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Measures how fast memory can be read from one end to the other: the ceiling of decoding. */
public final class MemoryBandwidth {
  private static final int LONGS_A_THREAD = 16 << 20;
  private static final int ROUNDS = 6;

  private MemoryBandwidth() {}

  /**
   * Reads 128 MiB a thread several times over.
   *
   * @return bytes a second of the fastest round, all threads together
   */
  public static double bytesPerSecond(int threads) throws InterruptedException {
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    try {
      List<long[]> buffers = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        long[] buffer = new long[LONGS_A_THREAD];
        java.util.Arrays.fill(buffer, i + 1);
        buffers.add(buffer);
      }
      double best = 0;
      for (int round = 0; round < ROUNDS; round++) {
        long start = System.nanoTime();
        List<Future<Long>> sums = new ArrayList<>();
        for (long[] buffer : buffers) {
          sums.add(pool.submit(() -> sum(buffer)));
        }
        for (int i = 0; i < threads; i++) {
          check(sums.get(i).get(), i + 1);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        best = Math.max(best, (double) threads * LONGS_A_THREAD * Long.BYTES / seconds);
      }
      return best;
    } catch (ExecutionException e) {
      throw new IllegalStateException("the memory read failed", e.getCause());
    } finally {
      pool.shutdownNow();
    }
  }

  /** Four sums, so that additions do not wait for each other. */
  private static long sum(long[] buffer) {
    long a = 0;
    long b = 0;
    long c = 0;
    long d = 0;
    for (int i = 0; i < buffer.length; i += 4) {
      a += buffer[i];
      b += buffer[i + 1];
      c += buffer[i + 2];
      d += buffer[i + 3];
    }
    return a + b + c + d;
  }

  /** Uses the sum, so that the read cannot be left out. */
  private static void check(long sum, int element) {
    if (sum != (long) LONGS_A_THREAD * element) {
      throw new IllegalStateException("memory read back " + sum);
    }
  }
}
