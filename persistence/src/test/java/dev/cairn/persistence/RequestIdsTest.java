package dev.cairn.persistence;

import static org.assertj.core.api.Assertions.assertThat;

import java.security.SecureRandom;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class RequestIdsTest {
  private final AtomicLong clock = new AtomicLong(1_700_000_000_000L);
  private final RequestIds ids = new RequestIds(clock::get, new SecureRandom());

  @Test
  @DisplayName(
      "ids have 26 characters and increase, also within a millisecond and when the clock"
          + " goes backwards")
  void increasing() {
    String last = "";
    for (int i = 0; i < 1000; i++) {
      clock.addAndGet(i % 7 == 0 ? -50 : i % 3);
      String id = ids.next();
      assertThat(id).hasSize(26).matches("[0-7][0-9A-HJKMNP-TV-Z]{25}").isGreaterThan(last);
      last = id;
    }
  }

  @Test
  @DisplayName("an id begins with the time in milliseconds, as in the ULID specification")
  void time() {
    clock.set(1_469_918_176_385L);
    assertThat(ids.next()).startsWith("01ARYZ6S41");
  }

  @Test
  @DisplayName("the random part carries over into the time when it is exhausted")
  void carry() {
    SecureRandom ones =
        new SecureRandom() {
          private static final long serialVersionUID = 1L;

          @Override
          public int nextInt(int bound) {
            return bound - 1;
          }

          @Override
          public long nextLong() {
            return -1;
          }
        };
    RequestIds full = new RequestIds(() -> 5, ones);
    assertThat(full.next()).isEqualTo("0000000005ZZZZZZZZZZZZZZZZ");
    assertThat(full.next()).isEqualTo("00000000060000000000000000");
    assertThat(full.next()).isEqualTo("00000000060000000000000001");
  }

  @Test
  @DisplayName("threads never share an id")
  void concurrent() {
    Set<String> all =
        IntStream.range(0, 4000)
            .parallel()
            .mapToObj(i -> ids.next())
            .collect(java.util.stream.Collectors.toSet());
    assertThat(all).hasSize(4000);
  }

  @Test
  @DisplayName("a key always gives the same id, which no clock gives")
  void keys() {
    assertThat(RequestIds.ofKey("a")).isEqualTo(RequestIds.ofKey("a")).hasSize(26).startsWith("K");
    Set<String> all = new HashSet<>();
    for (int i = 0; i < 1000; i++) {
      all.add(RequestIds.ofKey("key " + i));
    }
    assertThat(all).hasSize(1000);
    assertThat(RequestIds.seedOfKey("a")).isEqualTo(RequestIds.seedOfKey("a"));
    assertThat(RequestIds.seedOfKey("a")).isNotEqualTo(RequestIds.seedOfKey("b"));
  }
}
