package dev.cairn.request;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.persistence.Band;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestEvent.Accepted;
import dev.cairn.persistence.RequestEvent.Assigned;
import dev.cairn.persistence.RequestEvent.Deleted;
import dev.cairn.persistence.RequestEvent.Finished;
import dev.cairn.persistence.RequestEvent.Paused;
import dev.cairn.persistence.RequestEvent.Prioritized;
import dev.cairn.persistence.RequestEvent.TokensCommitted;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.Scheduling;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class RequestStateTest {
  private static final RequestSpec SPEC =
      RequestSpec.of("r", "m", "print", 1, 2)
          .scheduling(Scheduling.DEFAULT.withBand(Band.BATCH).withTenant("tenant"))
          .build();

  private RequestState state = RequestState.NONE.apply(new Accepted(SPEC));

  private void happened(RequestEvent event) {
    state = state.apply(event);
  }

  private void assigned(int epoch, String numerics) {
    happened(new Assigned("r", epoch, state.tokens().size(), "d" + epoch, numerics));
  }

  private void committed(int... tokens) {
    happened(
        new TokensCommitted(
            "r", state.epoch(), state.tokens().size(), tokens, List.of(), List.of()));
  }

  @Test
  @DisplayName("a band is what was asked for until it is changed, and a paused request changes it")
  void bands() {
    assertThat(state.band()).isEqualTo(Band.BATCH);
    assigned(1, "n1");
    assertThat(state.admission().standing().band()).isEqualTo(Band.BATCH);
    assertThat(state.admission().salt()).isEqualTo("tenant");
    happened(new Prioritized("r", 1, 0, Band.PRODUCTION));
    assertThat(state.admission().standing().band()).isEqualTo(Band.PRODUCTION);
    happened(new Paused("r", 1, 0));
    happened(new Prioritized("r", 1, 0, Band.SYSTEM));
    assertThat(state.paused()).isTrue();
    assertThat(state.snapshot().band()).isEqualTo(Band.SYSTEM);
    happened(new Finished("r", 1, 0, FinishReason.CANCELLED, ""));
    assertThatThrownBy(() -> happened(new Prioritized("r", 1, 0, Band.BATCH)))
        .hasMessageContaining("unfinished");
  }

  @Test
  @DisplayName(
      "of a deleted request nothing is left, whether or not its events are; it is no new one")
  void deletion() {
    assertThatThrownBy(() -> happened(new Deleted("r", 0, 0))).hasMessageContaining("has ended");
    assigned(1, "n1");
    committed(5);
    happened(new Finished("r", 1, 1, FinishReason.STOP, ""));
    happened(new Deleted("r", 1, 1));
    RequestState erased = RequestState.NONE.apply(new Deleted("r", 1, 1));
    for (RequestState each : List.of(state, erased)) {
      assertThat(each.isDeleted()).isTrue();
      assertThat(each.isUnfinished()).isFalse();
      assertThat(each.spec()).isEmpty();
      assertThat(each.tokens().size()).isZero();
      assertThatThrownBy(() -> each.apply(new Accepted(SPEC))).hasMessageContaining("not accepted");
    }
  }

  @Test
  @DisplayName("the numerics version is that of the attempt that computed the last token")
  void numericsOfTheLastToken() {
    assigned(1, "n1");
    assertThat(state.numericsVersion()).isEmpty();
    committed(5, 6);
    assigned(2, "n2");
    assertThat(state.numericsVersion()).isEqualTo("n1");
    assigned(3, "n1");
    committed(7);
    assigned(4, "n2");
    committed(8);
    assertThat(state.numericsVersion()).isEqualTo("n2");
    assertThat(state.attempts())
        .containsExactly(
            new Attempt(1, 0, "d1", "n1"),
            new Attempt(2, 2, "d2", "n2"),
            new Attempt(3, 2, "d3", "n1"),
            new Attempt(4, 3, "d4", "n2"));
  }

  @Test
  @DisplayName("the history of attempts is bounded and keeps those that added tokens longest")
  void attemptsAreBounded() {
    assigned(1, "n1");
    committed(5);
    for (int epoch = 2; epoch < 1000; epoch++) {
      assigned(epoch, "n2");
    }
    assertThat(state.attempts()).hasSize(RequestState.MAX_ATTEMPTS);
    assertThat(state.attempts().get(0)).isEqualTo(new Attempt(1, 0, "d1", "n1"));
    assertThat(state.epoch()).isEqualTo(999);
    assertThat(state.numericsVersion()).isEqualTo("n1");
    for (int epoch = 1000; epoch < 2000; epoch++) {
      assigned(epoch, "n3");
      committed(6);
    }
    assertThat(state.attempts()).hasSize(RequestState.MAX_ATTEMPTS);
    assertThat(state.device()).isEqualTo("d1999");
    assertThat(state.attempts().get(0).epoch()).isEqualTo(1984);
  }
}
