package dev.cairn.scheduling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class PromptLookUpTest {
  private static final LookUpPolicy POLICY = new LookUpPolicy(true, 6, 2, 4, 16);

  @Test
  void guessesWhatFollowedTheSameTokensBefore() {
    PromptLookUp lookUp = new PromptLookUp(POLICY, new int[] {7, 8, 9, 10, 11, 7, 8});
    assertThat(lookUp.draft(0, 3)).containsExactly(9, 10, 11);
    assertThat(lookUp.draft(1, 3)).as("one is drawn already").containsExactly(10, 11, 7);
    assertThat(lookUp.draft(0, 0)).as("no room").isEmpty();
  }

  @Test
  void whatRepeatsItselfGoesOnRepeating() {
    PromptLookUp lookUp = new PromptLookUp(POLICY, new int[] {1, 2, 1, 2});
    assertThat(lookUp.draft(0, 5)).containsExactly(1, 2, 1, 2, 1);
    assertThat(lookUp.draft(1, 5)).containsExactly(2, 1, 2, 1, 2);
  }

  @Test
  void thePlaceThatAgreesInMoreTokensCounts() {
    int[] tokens = {5, 1, 2, 3, 40, 9, 2, 3, 41, 5, 1, 2, 3};
    assertThat(new PromptLookUp(POLICY, tokens).draft(0, 1)).containsExactly(40);
    LookUpPolicy two = new LookUpPolicy(true, 6, 2, 2, 16);
    assertThat(new PromptLookUp(two, tokens).draft(0, 1)).as("the newest").containsExactly(41);
  }

  @Test
  void nothingIsGuessedOfWhatWasNotThere() {
    assertThat(new PromptLookUp(POLICY, new int[] {1, 2, 3, 4}).draft(0, 5)).isEmpty();
    assertThat(new PromptLookUp(POLICY, new int[] {4}).draft(0, 5)).isEmpty();
  }

  @Test
  void draftsShrinkWhenTheyFailAndGrowWhenTheyHold() {
    PromptLookUp lookUp = new PromptLookUp(POLICY, new int[] {1, 2, 1, 2});
    lookUp.ended(6, 2);
    assertThat(lookUp.draft(0, 9)).hasSize(2);
    lookUp.ended(2, 2);
    assertThat(lookUp.draft(0, 9)).hasSize(4);
    lookUp.ended(4, 4);
    assertThat(lookUp.draft(0, 9)).hasSize(6);
    lookUp.ended(6, 0);
    assertThat(lookUp.draft(0, 9)).as("at once").isEmpty();
    lookUp.add(1);
    lookUp.add(2);
    assertThat(lookUp.draft(0, 9)).as("after a pause").hasSize(1);
  }

  @Property(tries = 300)
  void aGuessIsWhatFollowedSomewhere(
      @ForAll @Size(max = 60) int @IntRange(max = 3) [] start,
      @ForAll @IntRange(min = 1, max = 3) int minNgram,
      @ForAll @IntRange(max = 2) int more,
      @ForAll long seed) {
    LookUpPolicy policy = new LookUpPolicy(true, 6, minNgram, minNgram + more, 16);
    PromptLookUp lookUp = new PromptLookUp(policy, start);
    int[] tokens = start;
    Random random = new Random(seed);
    for (int i = 0; i < 40; i++) {
      int token = random.nextInt(4);
      lookUp.add(token);
      tokens = Arrays.copyOf(tokens, tokens.length + 1);
      tokens[tokens.length - 1] = token;
      int[] draft = lookUp.draft(0, 6);
      boolean stood = stoodBefore(tokens, minNgram, draft.length == 0 ? -1 : draft[0]);
      assertThat(stood).as("%s in %s", draft, tokens).isEqualTo(draft.length > 0);
    }
  }

  /** Whether the last tokens stand further in front, with a token after them; -1: any. */
  private static boolean stoodBefore(int[] tokens, int ngram, int after) {
    int end = tokens.length;
    for (int at = ngram; at < end; at++) {
      boolean same =
          Arrays.equals(Arrays.copyOfRange(tokens, at - ngram, at), lastOf(tokens, ngram));
      if (same && (after < 0 || tokens[at] == after)) {
        return true;
      }
    }
    return false;
  }

  private static int[] lastOf(int[] tokens, int count) {
    return Arrays.copyOfRange(tokens, Math.max(0, tokens.length - count), tokens.length);
  }

  @Test
  void boundsHaveToMakeSense() {
    assertThatThrownBy(() -> new LookUpPolicy(true, 6, 3, 2, 16))
        .hasMessage("look-up.max-ngram is 2, expected at least 3");
  }
}
