package dev.cairn.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class SimulationTest {
  private static final int SEEDS = Integer.getInteger("cairn.simulation.seeds", 10_000);

  @Test
  @DisplayName(
      "I1 to I6 L5 L8 L10 H6 H8 hold through crashes, lost, repeated and overtaken messages")
  void invariantsHold() {
    Optional<Long> only = Optional.ofNullable(Long.getLong("cairn.seed"));
    long first = only.orElseGet(() -> System.nanoTime() & 0xffffffffL);
    long count = only.isPresent() ? 1 : SEEDS;
    AtomicLong crashes = new AtomicLong();
    long start = System.nanoTime();
    LongStream.range(first, first + count)
        .parallel()
        .forEach(seed -> crashes.addAndGet(run(seed, only.isPresent())));
    System.out.printf(
        "simulation: %d seeds from %d on, %d processes died, %.1f s%n",
        count, first, crashes.get(), (System.nanoTime() - start) / 1e9);
    assertThat(crashes.get()).isPositive();
  }

  private static int run(long seed, boolean traced) {
    Simulation simulation = new Simulation(seed, traced);
    try {
      simulation.run();
    } catch (RuntimeException | AssertionError e) {
      throw new AssertionError(
          "seed "
              + seed
              + " fails after "
              + simulation.world.now() / World.MS
              + " simulated ms; replay it alone with -Dcairn.seed="
              + seed,
          e);
    }
    return simulation.crashes();
  }
}
