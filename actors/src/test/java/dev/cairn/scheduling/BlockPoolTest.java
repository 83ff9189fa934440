package dev.cairn.scheduling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class BlockPoolTest {
  private static PrefixChain.Name name(long number) {
    return new PrefixChain.Name(number, -number);
  }

  @Test
  @DisplayName("the block that was let go of longest ago is given up first, and only when needed")
  void evictsTheLeastRecentlyUsed() {
    BlockPool pool = new BlockPool(4);
    int[] blocks = new int[3];
    for (int i = 0; i < 3; i++) {
      blocks[i] = pool.take();
      pool.publish(blocks[i], name(i));
    }
    pool.give(blocks[0]);
    pool.give(blocks[1]);
    pool.give(blocks[2]);
    pool.share(blocks[0]);
    pool.give(blocks[0]);

    assertThat(pool.available()).isEqualTo(4);
    assertThat(pool.take()).as("the free one").isNotIn(blocks[0], blocks[1], blocks[2]);
    assertThat(pool.take()).isEqualTo(blocks[1]);
    assertThat(pool.find(name(1))).isEmpty();
    assertThat(pool.take()).isEqualTo(blocks[2]);
    assertThat(pool.find(name(0))).hasValue(blocks[0]);
    assertThat(pool.take()).isEqualTo(blocks[0]);
    assertThatThrownBy(pool::take).hasMessage("no free block of 4");
  }

  @Test
  @DisplayName("a block in use is never given up, whoever else let go of it")
  void keepsWhatIsReferenced() {
    BlockPool pool = new BlockPool(1);
    int block = pool.take();
    pool.publish(block, name(1));
    pool.share(block);
    pool.give(block);

    assertThat(pool.available()).isZero();
    pool.give(block);
    assertThat(pool.available()).isOne();
    assertThatThrownBy(() -> pool.give(block)).hasMessageContaining("was not taken");
  }

  @Test
  @DisplayName("of two blocks with one name the first keeps it, the other is free after use")
  void namesAreUnique() {
    BlockPool pool = new BlockPool(2);
    int first = pool.take();
    int second = pool.take();
    pool.publish(first, name(1));
    pool.publish(second, name(1));

    assertThat(pool.find(name(1))).hasValue(first);
    pool.give(second);
    assertThat(pool.cached()).isZero();
    assertThat(pool.available()).isOne();
  }

  @Test
  @DisplayName("random use: free, cached and referenced blocks are all there are")
  void conservesBlocks() {
    long seed = Long.getLong("cairn.seed", System.nanoTime());
    Random random = new Random(seed);
    int total = 12;
    BlockPool pool = new BlockPool(total);
    List<Integer> held = new ArrayList<>();
    for (int i = 0; i < 20_000; i++) {
      switch (random.nextInt(5)) {
        case 0, 1 -> {
          if (pool.available() > 0) {
            held.add(pool.take());
          }
        }
        case 2 ->
            pool.find(name(random.nextInt(20)))
                .ifPresent(
                    block -> {
                      pool.share(block);
                      held.add(block);
                    });
        case 3 -> {
          if (!held.isEmpty()) {
            pool.publish(held.get(random.nextInt(held.size())), name(random.nextInt(20)));
          }
        }
        default -> {
          if (!held.isEmpty()) {
            pool.give(held.remove(random.nextInt(held.size())));
          }
        }
      }
      Set<Integer> referenced = new HashSet<>(held);
      assertThat(pool.available() + referenced.size()).as("seed %d", seed).isEqualTo(total);
      assertThat(pool.cached()).isLessThanOrEqualTo(pool.available());
    }
    held.forEach(pool::give);
    pool.forgetAll();
    assertThat(pool.cached()).isZero();
    assertThat(pool.available()).isEqualTo(total);
  }
}
