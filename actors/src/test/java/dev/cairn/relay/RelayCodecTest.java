package dev.cairn.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.model.TokenLogprobs;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.EventFormatException;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.Attempt;
import dev.cairn.request.RequestState;
import dev.cairn.request.Snapshot;
import dev.cairn.request.Snapshot.Finish;
import dev.cairn.request.Snapshot.State;
import dev.cairn.request.Update;
import dev.cairn.request.Want;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class RelayCodecTest {
  private static final TokenLogprobs LOGPROBS =
      new TokenLogprobs(-0.5f, new int[] {7, 70_000}, new float[] {-0.5f, -2f});

  private static Update update() {
    return new Update(
        "r",
        9,
        Optional.of(RequestSpec.of("r", "m", "print", 1, 70_000).build()),
        3,
        List.of(LOGPROBS, LOGPROBS),
        11,
        new int[] {5, 49_151},
        List.of(LOGPROBS, LOGPROBS),
        true,
        8,
        Optional.of(
            new Update.Head(
                State.FINISHED,
                Band.BATCH,
                List.of(new Attempt(4, 2, "cpu-0@host:1", "cpu-1")),
                Optional.of(new Finish(FinishReason.TIMEOUT, "late")))));
  }

  @Test
  @DisplayName("every field of a question and of its answer crosses to another node")
  void everyFieldCrosses() throws Exception {
    Pull pull =
        new Pull(-7, 1L << 40, List.of(new Want("r", true, 3, 4, 5)), List.of("dropped", "d"));
    assertThat(RelayCodec.pull(RelayCodec.encode(pull))).isEqualTo(pull);
    News news = new News(-7, 12, List.of(update()), List.of("not-here"), List.of("behind", "b"));
    assertThat(RelayCodec.news(RelayCodec.encode(news))).usingRecursiveComparison().isEqualTo(news);
  }

  @Test
  @DisplayName("H10 bytes that are cut short are refused")
  void cutBytesAreRefused() {
    byte[] bytes = RelayCodec.encode(new News(1, 2, List.of(update()), List.of("x"), List.of("y")));
    for (int length = 0; length < bytes.length; length++) {
      byte[] cut = Arrays.copyOf(bytes, length);
      assertThatThrownBy(() -> RelayCodec.news(cut)).isInstanceOf(EventFormatException.class);
    }
  }

  @Test
  @DisplayName("H17 a batch stays below its bound however much there is to say")
  void batchesAreBounded() {
    int most = 20_000;
    RequestSpec spec =
        RequestSpec.of("r", "m", "f", IntStream.range(0, 3_000).toArray())
            .maxTokens(4_000)
            .logprobs(20)
            .promptLogprobs(true)
            .build();
    List<TokenLogprobs> many =
        IntStream.range(0, 4_000)
            .mapToObj(
                i -> new TokenLogprobs(-i, IntStream.range(i, i + 20).toArray(), new float[20]))
            .toList();
    RequestState state =
        RequestState.NONE
            .apply(new RequestEvent.Accepted(spec))
            .apply(new RequestEvent.Assigned("r", 1, 0, "d", "n"))
            .apply(
                new RequestEvent.TokensCommitted(
                    "r", 1, 0, IntStream.range(0, 4_000).toArray(), many, many.subList(0, 2_999)));
    Snapshot snapshot = state.snapshot();
    Feed<String> feed =
        new Feed<>(new Feed.Limits(most, 1_000), id -> Optional.of(new Feed.Owned(spec, snapshot)));
    Want have = new Want("r", true, 0, 0, 0);
    feed.pull("reader", new Pull(1, 1, List.of(have), List.of()), 0);
    int batches = 0;
    for (long round = 2; have.isNews(snapshot); round++) {
      List<Feed.Batch<String>> sent = feed.take();
      assertThat(sent).hasSize(1);
      assertThat(RelayCodec.encode(sent.get(0).news()).length).isLessThan(most);
      for (Update each : sent.get(0).news().updates()) {
        have = have.after(each);
      }
      batches++;
      feed.pull("reader", new Pull(1, round, List.of(), List.of()), 0);
    }
    assertThat(batches).isGreaterThan(50);
    assertThat(feed.take()).isEmpty();
  }

  @Test
  @DisplayName("64 requests of which news came while a batch was under way go with one message")
  void newsPileUp() {
    Snapshot[] now = new Snapshot[64];
    RequestState[] states = new RequestState[64];
    Feed<String> feed =
        new Feed<>(
            new Feed.Limits(100_000, 1_000),
            id -> {
              int i = Integer.parseInt(id);
              return Optional.of(new Feed.Owned(states[i].spec().orElseThrow(), now[i]));
            });
    List<Want> wants = new java.util.ArrayList<>();
    for (int i = 0; i < 64; i++) {
      RequestSpec spec = RequestSpec.of("" + i, "m", "f", 1).build();
      states[i] =
          RequestState.NONE
              .apply(new RequestEvent.Accepted(spec))
              .apply(new RequestEvent.Assigned("" + i, 1, 0, "d", "n"));
      now[i] = states[i].snapshot();
      wants.add(new Want("" + i, true, 0, 0, 0));
    }
    feed.pull("reader", new Pull(1, 1, wants, List.of()), 0);
    assertThat(feed.take()).hasSize(1);
    for (int step = 0; step < 3; step++) {
      for (int i = 0; i < 64; i++) {
        int index = states[i].tokens().size();
        states[i] =
            states[i].apply(
                new RequestEvent.TokensCommitted(
                    "" + i, 1, index, new int[] {step}, List.of(), List.of()));
        now[i] = states[i].snapshot();
        feed.changed("" + i);
        assertThat(feed.take()).as("nothing goes before the reader asks").isEmpty();
      }
    }
    feed.pull("reader", new Pull(1, 2, List.of(), List.of()), 0);
    List<Feed.Batch<String>> sent = feed.take();
    assertThat(sent).hasSize(1);
    assertThat(sent.get(0).news().updates()).hasSize(64);
    assertThat(sent.get(0).news().updates()).allMatch(update -> update.tokens().length == 3);
  }
}
