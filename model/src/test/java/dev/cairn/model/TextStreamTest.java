package dev.cairn.model;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class TextStreamTest {
  private static TextStream stream(List<String> stops, byte[]... tokens) {
    return new TextStream(new BytesTokenizer(tokens), stops);
  }

  private static byte[] utf8(String text) {
    return text.getBytes(UTF_8);
  }

  @Test
  @DisplayName("without stop strings every token is shown at once")
  void showsTokensAtOnce() {
    TextStream stream = stream(List.of(), utf8("Hello"), utf8(" world"));
    assertThat(stream.append(0)).isFalse();
    assertThat(stream.boundary()).isEqualTo(1);
    assertThat(stream.drain()).isEqualTo("Hello");
    stream.append(1);
    assertThat(stream.drain()).isEqualTo(" world");
    assertThat(stream.drain()).isEmpty();
    assertThat(stream.boundary()).isEqualTo(2);
    assertThat(stream.tokens()).isEqualTo(2);
  }

  @Test
  @DisplayName("a character split over tokens is held back until it is whole")
  void holdsUnfinishedCharacters() {
    byte[] llama = utf8("🦙");
    TextStream stream =
        stream(List.of(), utf8("a"), Arrays.copyOf(llama, 2), Arrays.copyOfRange(llama, 2, 4));
    stream.append(0);
    stream.append(1);
    assertThat(stream.drain()).isEqualTo("a");
    assertThat(stream.boundary()).isEqualTo(1);
    stream.append(2);
    assertThat(stream.drain()).isEqualTo("🦙");
    assertThat(stream.boundary()).isEqualTo(3);
  }

  @Test
  @DisplayName("an unfinished character at the end becomes U+FFFD")
  void replacesUnfinishedCharacterAtTheEnd() {
    TextStream stream = stream(List.of(), Arrays.copyOf(utf8("🦙"), 3));
    stream.append(0);
    assertThat(stream.drain()).isEmpty();
    assertThat(stream.boundary()).isZero();
    stream.finish();
    assertThat(stream.drain()).isEqualTo("\uFFFD");
    assertThat(stream.boundary()).isEqualTo(1);
    assertThat(stream.stopped()).isFalse();
  }

  @Test
  @DisplayName("a stop string that spans tokens cuts the text where it begins")
  void findsStopAcrossTokens() {
    TextStream stream = stream(List.of("###"), utf8("a"), utf8("b#"), utf8("#"), utf8("#c"));
    assertThat(stream.append(0)).isFalse();
    assertThat(stream.append(1)).isFalse();
    assertThat(stream.drain()).isEqualTo("a");
    assertThat(stream.boundary()).isEqualTo(1);
    assertThat(stream.append(2)).isFalse();
    assertThat(stream.append(3)).isTrue();
    assertThat(stream.stopped()).isTrue();
    stream.finish();
    assertThat(stream.drain()).isEqualTo("b");
    assertThat(stream.boundary()).isEqualTo(4);
    assertThatThrownBy(() -> stream.append(0)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  @DisplayName("of several stop strings in one token the one that begins first cuts")
  void cutsAtTheEarliestStart() {
    TextStream stream = stream(List.of("cd", "bcde"), utf8("ab"), utf8("cdef"));
    stream.append(0);
    assertThat(stream.append(1)).isTrue();
    assertThat(stream.drain()).isEqualTo("a");
  }

  @Test
  @DisplayName("what looked like a stop string and was none is shown")
  void releasesFalseAlarm() {
    TextStream stream = stream(List.of("aab"), utf8("a"), utf8("x"));
    stream.append(0);
    stream.append(0);
    stream.append(0);
    assertThat(stream.drain()).isEqualTo("a");
    assertThat(stream.boundary()).isEqualTo(1);
    stream.append(1);
    assertThat(stream.drain()).isEqualTo("aax");
    assertThat(stream.boundary()).isEqualTo(4);
  }

  @Test
  @DisplayName("the end releases what was held back for a stop string")
  void finishReleasesHeldText() {
    TextStream stream = stream(List.of("stop"), utf8("sto"));
    stream.append(0);
    assertThat(stream.drain()).isEmpty();
    stream.finish();
    stream.finish();
    assertThat(stream.drain()).isEqualTo("sto");
    assertThat(stream.boundary()).isEqualTo(1);
  }

  @Test
  @DisplayName("control tokens move the boundary and add no text")
  void countsTokensWithoutText() {
    TextStream stream = stream(List.of("bc"), new byte[0], utf8("ab"));
    stream.append(0);
    assertThat(stream.boundary()).isEqualTo(1);
    stream.append(1);
    stream.append(0);
    assertThat(stream.boundary()).isEqualTo(1);
    assertThat(stream.drain()).isEmpty();
  }

  @Test
  @DisplayName("an empty stop string is refused")
  void refusesEmptyStop() {
    assertThatThrownBy(() -> stream(List.of("")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("empty");
  }

  @Test
  @DisplayName("the work is linear although every token could begin the stop string again")
  void staysLinear() {
    String stop = "a".repeat(20_000) + "b";
    TextStream stream = stream(List.of(stop), utf8("a"));
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 1_000_000; i++) {
      stream.append(0);
      if (i % 1_000 == 0) {
        text.append(stream.drain());
      }
    }
    assertThat(stream.boundary()).isEqualTo(1_000_000 - 20_000);
    stream.finish();
    assertThat(text.append(stream.drain())).hasSize(1_000_000);
  }
}
