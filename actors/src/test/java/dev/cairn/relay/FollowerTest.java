package dev.cairn.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.RequestCopy;
import dev.cairn.request.RequestState;
import dev.cairn.request.Update;
import dev.cairn.request.Want;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Each bound of a relay, and what is done about an owner that is not to be believed. */
class FollowerTest {
  private static final long RESYNC = 100;
  private static final RequestSpec SPEC = RequestSpec.of("r", "m", "f", 1, 2).maxTokens(9).build();

  private final List<Pull> pulls = new ArrayList<>();
  private final List<String> located = new ArrayList<>();
  private final List<Integer> shown = new ArrayList<>();
  private final List<String> refused = new ArrayList<>();
  private final List<String> faults = new ArrayList<>();

  private Follower<String> follower(int maxFollowed, long maxBytes, int maxLocates) {
    return new Follower<>(
        new Follower.Limits(maxFollowed, maxBytes, 2, maxLocates, RESYNC, 3),
        1,
        new Follower.Effects<>() {
          @Override
          public void pull(String owner, Pull pull) {
            pulls.add(pull);
          }

          @Override
          public void locate(String requestId) {
            located.add(requestId);
          }

          @Override
          public void show(RequestSpec spec, RequestCopy copy) {
            shown.add(copy.snapshot().tokens().size());
          }

          @Override
          public void refuse(String requestId) {
            refused.add(requestId);
          }

          @Override
          public void contradicted(String owner, String requestId, String what) {
            faults.add(owner + " " + requestId + " " + what);
          }
        });
  }

  private static RequestState state(int... tokens) {
    return RequestState.NONE
        .apply(new RequestEvent.Accepted(SPEC))
        .apply(new RequestEvent.Assigned("r", 1, 0, "d", "n"))
        .apply(new RequestEvent.TokensCommitted("r", 1, 0, tokens, List.of(), List.of()));
  }

  private static News news(long round, Update... updates) {
    return new News(1, round, List.of(updates), List.of(), List.of());
  }

  private static Update whole(RequestState state) {
    return Update.cut(SPEC, state.snapshot(), new Want("r", true, 0, 0, 0), 10_000);
  }

  @Test
  @DisplayName("max-followed bounds what is followed, and what is dropped makes room")
  void maxFollowed() {
    Follower<String> follower = follower(1, 1 << 20, 1);
    assertThat(follower.follow("a", "owner", 0)).isTrue();
    assertThat(follower.follow("b", "owner", 0)).isFalse();
    follower.drop("a", 0);
    assertThat(follower.follow("b", "owner", 0)).isTrue();
  }

  @Test
  @DisplayName("max-memory refuses a request whose copy might not fit")
  void maxMemory() {
    Follower<String> follower = follower(9, 1_000, 1);
    follower.follow("r", "owner", 0);
    follower.news("owner", news(1, whole(state(5))), 1);
    assertThat(refused).containsExactly("r");
    assertThat(shown).isEmpty();
    assertThat(follower.followed()).isZero();
    assertThat(follower.bytes()).isZero();
  }

  @Test
  @DisplayName("max-lookups bounds the owners that are looked up at a time")
  void maxLookups() {
    Follower<String> follower = follower(9, 1 << 20, 2);
    for (String id : List.of("a", "b", "c")) {
      follower.adopt(new RequestCopy(id), 0);
    }
    assertThat(located).containsExactly("a", "b");
    follower.notLocated("a", 1);
    assertThat(located).containsExactly("a", "b", "c");
    follower.located("b", "owner", 2);
    follower.tick(1 + RESYNC);
    assertThat(located).as("after a pause").containsExactly("a", "b", "c", "a");
  }

  @Test
  @DisplayName("a question names no more than fits, and the rest comes with the answer")
  void questionsAreBounded() {
    Follower<String> follower = follower(9, 1 << 20, 9);
    for (String id : List.of("a", "b", "c", "d")) {
      follower.follow(id, "owner", 0);
    }
    assertThat(pulls).singleElement().satisfies(pull -> assertThat(pull.wants()).hasSize(1));
    follower.news("owner", news(1), 1);
    assertThat(pulls).hasSize(2);
    assertThat(pulls.get(1).wants()).hasSize(2);
  }

  @Test
  @DisplayName(
      "an owner that is silent for resync is asked again, and looked up after max-unanswered")
  void silence() {
    Follower<String> follower = follower(9, 1 << 20, 9);
    follower.follow("r", "owner", 0);
    follower.tick(RESYNC - 1);
    assertThat(pulls).hasSize(1);
    follower.tick(RESYNC);
    assertThat(pulls).hasSize(2);
    assertThat(pulls.get(1).wants()).containsExactly(new Want("r", true, 0, 0, 0));
    follower.tick(2 * RESYNC);
    assertThat(located).isEmpty();
    follower.tick(3 * RESYNC);
    assertThat(located).containsExactly("r");
  }

  @Test
  @DisplayName("L9 an owner that takes back what was shown is not believed, and is looked up again")
  void contradictions() {
    Follower<String> follower = follower(9, 1 << 20, 9);
    follower.follow("r", "owner", 0);
    follower.news("owner", news(1, whole(state(5, 6))), 1);
    assertThat(shown).containsExactly(2);
    follower.news("owner", news(2, whole(state(5, 7))), 2);
    assertThat(shown).containsExactly(2);
    assertThat(faults).singleElement().asString().contains("owner r takes back");
    follower.tick(2 + RESYNC);
    assertThat(located).containsExactly("r");
    follower.located("r", "other", 3 + RESYNC);
    follower.news("other", new News(1, 9, List.of(), List.of(), List.of("r")), 4 + RESYNC);
    assertThat(faults).hasSize(2);
  }

  @Test
  @DisplayName(
      "an owner forgets a follower that does not ask again within lease, and one that has the end")
  void lease() {
    RequestState state = state(5);
    RequestState[] now = {state};
    Feed<String> feed =
        new Feed<>(
            new Feed.Limits(10_000, 50),
            id -> Optional.of(new Feed.Owned(SPEC, now[0].snapshot())));
    feed.pull("reader", new Pull(1, 1, List.of(new Want("r", true, 0, 0, 0)), List.of()), 0);
    assertThat(feed.take()).hasSize(1);
    feed.tick(50);
    assertThat(feed.followed()).isOne();
    feed.tick(51);
    assertThat(feed.followed()).isZero();
    feed.pull("reader", new Pull(1, 2, List.of(new Want("r", true, 0, 0, 0)), List.of()), 60);
    now[0] = state.apply(new RequestEvent.Finished("r", 1, 1, FinishReason.LENGTH, ""));
    feed.take();
    assertThat(feed.followed()).isZero();
  }
}
