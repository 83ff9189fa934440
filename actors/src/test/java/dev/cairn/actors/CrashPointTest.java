package dev.cairn.actors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.actors.CrashPoint.Boundary;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CrashPointTest {
  @Test
  @DisplayName("a crash point fires once, at its boundary, the count-th time")
  void firesOnce() {
    AtomicInteger crashes = new AtomicInteger();
    CrashPoint point = CrashPoint.parse("after-commit:2", crashes::incrementAndGet);
    point.reached(Boundary.AFTER_COMMIT);
    point.reached(Boundary.AFTER_PUBLISH);
    point.reached(Boundary.AFTER_PUBLISH);
    assertThat(crashes).hasValue(0);
    point.reached(Boundary.AFTER_COMMIT);
    point.reached(Boundary.AFTER_COMMIT);
    assertThat(crashes).hasValue(1);
  }

  @Test
  @DisplayName("without one no boundary ends the process")
  void noneNeverFires() {
    assertThat(CrashPoint.parse("")).isSameAs(CrashPoint.NONE);
    for (Boundary each : Boundary.values()) {
      CrashPoint.NONE.reached(each);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"after-lunch:1", "after-commit", "after-commit:0", "AFTER_COMMIT:1", ":"})
  @DisplayName("what names no crash point is refused, with those that there are")
  void wrongNames(String text) {
    assertThatThrownBy(() -> CrashPoint.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("cairn.requests.crash-at is \"" + text + "\", expected")
        .hasMessageContaining("before-accept, after-accept, after-assign, after-generate");
  }
}
