package dev.cairn.actors;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.model.Sampling;
import dev.cairn.model.grammar.Languages;
import dev.cairn.model.grammar.TokenLanguage;
import dev.cairn.persistence.Band;
import dev.cairn.scheduling.Admission;
import dev.cairn.scheduling.Guide;
import dev.cairn.scheduling.SimulatedDevice;
import dev.cairn.scheduling.Standing;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class GrammarGuidesTest {
  private static final String GRAMMAR = "root ::= ( \"<\" [1-3] \">\" ){3,} \"<9>\"";
  private final Deque<Runnable> work = new ArrayDeque<>();
  private final AtomicInteger known = new AtomicInteger();
  private final GrammarGuides guides =
      new GrammarGuides(
          new Languages(new TestTokenizer(), new TokenLanguage.Limits(1_000, 1_000, 1 << 20), 2),
          work::add,
          known::incrementAndGet);

  private Guide guide(String grammar, int most, int... drawn) {
    int[] tokens = new int[1 + drawn.length];
    tokens[0] = 5;
    System.arraycopy(drawn, 0, tokens, 1, drawn.length);
    return guides.of(
        new Admission(
            "r",
            1,
            Standing.alone(Band.INTERACTIVE, "", 0),
            1000,
            tokens,
            1,
            most,
            Sampling.GREEDY.with(Map.of(), grammar),
            7,
            false,
            -1,
            false,
            ""),
        most);
  }

  private void work() {
    while (!work.isEmpty()) {
      work.remove().run();
    }
  }

  private static BitSet allowed(Guide guide) {
    return BitSet.valueOf(((Guide.Allowed) guide.next()).tokens());
  }

  private static BitSet tokens(int... tokens) {
    BitSet set = new BitSet();
    for (int token : tokens) {
      set.set(token);
    }
    return set;
  }

  @Test
  @DisplayName("what is not known is worked out elsewhere, and then the scheduler is told")
  void worksElsewhere() {
    Guide guide = guide(GRAMMAR, 100);
    assertThat(guide.next()).isInstanceOf(Guide.Working.class);
    work();
    assertThat(known).hasValue(1);
    assertThat(allowed(guide)).isEqualTo(tokens(1, 2, 3));
    guide.drew(2);
    work();
    Guide second = guide(GRAMMAR, 100);
    work();
    second.drew(3);
    assertThat(second.next()).as("known from the first").isInstanceOf(Guide.Allowed.class);
    assertThat(work).isEmpty();
  }

  @Test
  @DisplayName("a guide ends where nothing can follow")
  void ends() {
    Guide guide = guide("root ::= \"<7><8>\"", 100);
    work();
    guide.drew(7);
    work();
    assertThat(allowed(guide)).isEqualTo(tokens(8));
    guide.drew(8);
    work();
    assertThat(guide.next()).isInstanceOf(Guide.AtEnd.class);
    assertThat(guide.isShortened()).isFalse();
  }

  @Test
  @DisplayName("L8 a guide that begins with committed tokens stands where the first one stood")
  void beginsWithCommittedTokens() {
    Guide first = guide(GRAMMAR, 100);
    work();
    for (int token : new int[] {1, 2, 3}) {
      first.drew(token);
      work();
    }
    Guide again = guide(GRAMMAR, 100, 1, 2, 3);
    work();
    assertThat(allowed(again)).isEqualTo(allowed(first)).isEqualTo(tokens(1, 2, 3, 9));
  }

  @Test
  @DisplayName("few tokens left: the output is brought to its end, also by one that goes on")
  void isShortened() {
    // A token for each byte is reckoned with: three of the end, three of each before it.
    Guide guide = guide(GRAMMAR, 12, 1, 2, 3);
    work();
    guide.drew(1);
    work();
    guide.drew(2);
    work();
    guide.drew(3);
    work();
    assertThat(allowed(guide)).isEqualTo(tokens(1, 2, 3, 9));
    guide.drew(3);
    work();
    guide.drew(3);
    work();
    assertThat(allowed(guide)).as("four left").isEqualTo(tokens(1, 2, 3, 9));
    guide.drew(1);
    work();
    assertThat(allowed(guide)).as("three left").isEqualTo(tokens(9));
    assertThat(guide.isShortened()).isTrue();
    Guide again = guide(GRAMMAR, 12, 1, 2, 3, 1, 2, 3, 3, 3, 1);
    work();
    assertThat(allowed(again)).isEqualTo(tokens(9));
    assertThat(again.isShortened()).isTrue();
  }

  @Test
  @DisplayName("what cannot be followed says why")
  void saysWhy() {
    Guide wrong = guide("root", 10);
    Guide foreign = guide(GRAMMAR, 10, 500);
    work();
    assertThat(((Guide.Stuck) wrong.next()).why()).contains("expected \"::=\"");
    assertThat(((Guide.Stuck) foreign.next()).why()).contains("token 500 cannot follow");
    Guide guide = guide(GRAMMAR, 10);
    work();
    guide.drew(SimulatedDevice.END);
    assertThat(((Guide.Stuck) guide.next()).why()).contains("token 0 cannot follow");
  }
}
