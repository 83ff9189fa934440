package dev.cairn.model;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/**
 * Random outputs against an oracle that looks at the whole text each time. Replay one with {@code
 * -Dcairn.seed=N}.
 */
class TextStreamPropertyTest {
  private static final int RUNS = 1_000;
  private static final String ALPHABET = "aabbc-é漢🦙\uFFFD";

  /** One random output: its vocabulary, its tokens and its stop strings. */
  private record Output(BytesTokenizer tokenizer, int[] tokens, List<String> stops) {
    static Output of(Random random) {
      byte[] material = material(random);
      List<byte[]> pieces = new ArrayList<>();
      int at = 0;
      while (at < material.length) {
        int to = Math.min(material.length, at + random.nextInt(5));
        pieces.add(Arrays.copyOfRange(material, at, to));
        at = to;
      }
      List<String> stops = new ArrayList<>();
      for (int i = random.nextInt(4); i > 0; i--) {
        stops.add(letters(random, 1 + random.nextInt(4)));
      }
      int[] tokens = new int[pieces.size()];
      Arrays.setAll(tokens, i -> i);
      return new Output(new BytesTokenizer(pieces.toArray(new byte[0][])), tokens, stops);
    }

    private static byte[] material(Random random) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      for (int i = random.nextInt(24); i > 0; i--) {
        if (random.nextInt(6) == 0) {
          bytes.write(random.nextInt(256));
        } else {
          bytes.writeBytes(letters(random, 1).getBytes(UTF_8));
        }
      }
      return bytes.toByteArray();
    }

    private static String letters(Random random, int count) {
      int[] alphabet = ALPHABET.codePoints().toArray();
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < count; i++) {
        text.appendCodePoint(alphabet[random.nextInt(alphabet.length)]);
      }
      return text.toString();
    }

    byte[] bytes(int from, int to) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      for (int i = from; i < to; i++) {
        bytes.writeBytes(tokenizer.bytes(tokens[i]));
      }
      return bytes.toByteArray();
    }

    TextStream stream() {
      return new TextStream(tokenizer, stops);
    }
  }

  /** Bytes at the end that begin a character and do not finish it. */
  private static int openBytes(byte[] bytes) {
    for (int n = Math.min(3, bytes.length); n > 0; n--) {
      byte[] tail = Arrays.copyOfRange(bytes, bytes.length - n, bytes.length);
      for (int more = 1; more + n <= 4; more++) {
        for (int filler : new int[] {0x80, 0x90, 0xBF}) {
          byte[] whole = Arrays.copyOf(tail, n + more);
          Arrays.fill(whole, n, n + more, (byte) filler);
          if (isOneCharacter(whole)) {
            return n;
          }
        }
      }
    }
    return 0;
  }

  private static boolean isOneCharacter(byte[] bytes) {
    if (bytes.length == 3 && bytes[0] == (byte) 0xED && (bytes[1] & 0xE0) == 0xA0) {
      // A surrogate is no character, but Java's decoder says so when it has the third byte.
      return true;
    }
    try {
      return UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).codePoints().count() == 1;
    } catch (CharacterCodingException e) {
      return false;
    }
  }

  private static String whole(byte[] bytes) {
    return new String(bytes, 0, bytes.length - openBytes(bytes), UTF_8);
  }

  /** Where the first stop string in the text begins, or -1. */
  private static int cut(String text, List<String> stops) {
    return stops.stream().mapToInt(text::indexOf).filter(i -> i >= 0).min().orElse(-1);
  }

  private static int boundary(Output output, int tokens) {
    String text = whole(output.bytes(0, tokens));
    int safe = text.length();
    for (int i = text.length() - 1; i >= 0; i--) {
      String end = text.substring(i);
      if (output.stops().stream().anyMatch(s -> s.length() > end.length() && s.startsWith(end))) {
        safe = i;
      }
    }
    for (int b = tokens; b > 0; b--) {
      byte[] bytes = output.bytes(0, b);
      if (openBytes(bytes) == 0 && new String(bytes, UTF_8).length() <= safe) {
        return b;
      }
    }
    return 0;
  }

  @Test
  @DisplayName("text, boundaries and stops are those of the whole text, from any boundary on")
  void agreesWithTheWholeText() {
    Long replay = Long.getLong("cairn.seed");
    long first = replay != null ? replay : System.nanoTime();
    int runs = replay != null ? 1 : RUNS;
    int stopped = 0;
    for (long seed = first; seed < first + runs; seed++) {
      Random random = new Random(seed);
      Output output = Output.of(random);
      stopped += checkAgainstOracle(output, random, "seed " + seed) ? 1 : 0;
    }
    if (replay == null) {
      assertThat(stopped)
          .as("outputs that a stop string ended")
          .isBetween(RUNS / 10, RUNS * 9 / 10);
    }
  }

  private static boolean checkAgainstOracle(Output output, Random random, String seed) {
    TextStream stream = output.stream();
    StringBuilder drained = new StringBuilder();
    int total = output.tokens().length;
    int[] boundaries = new int[total + 1];
    int end = 0;
    while (end < total && !stream.stopped()) {
      boolean stop = stream.append(output.tokens()[end++]);
      int cut = cut(whole(output.bytes(0, end)), output.stops());
      assertThat(stop).as(seed).isEqualTo(cut >= 0);
      boundaries[end] = stream.boundary();
      assertThat(stream.boundary()).as(seed).isEqualTo(stop ? end : boundary(output, end));
      if (random.nextInt(3) == 0) {
        drained.append(stream.drain());
        if (!stop) {
          String text = new String(output.bytes(0, stream.boundary()), UTF_8);
          assertThat(drained.toString()).as(seed).isEqualTo(text);
        }
      }
    }
    stream.finish();
    boundaries[end] = stream.boundary();
    drained.append(stream.drain());
    String all = new String(output.bytes(0, end), UTF_8);
    String expected =
        stream.stopped() ? all.substring(0, cut(whole(output.bytes(0, end)), output.stops())) : all;
    assertThat(drained.toString()).as(seed).isEqualTo(expected);
    assertThat(stream.boundary()).as(seed).isEqualTo(end);
    assertThat(stream.tokens()).as(seed).isEqualTo(end);
    for (int b : Arrays.stream(boundaries).distinct().toArray()) {
      checkRestart(output, b, end, boundaries, expected, seed + " from " + b);
    }
    return stream.stopped();
  }

  /** A reader who begins at a boundary gets the rest of the text and the same boundaries. */
  private static void checkRestart(
      Output output, int from, int end, int[] boundaries, String expected, String seed) {
    TextStream stream = output.stream();
    for (int i = from; i < end; i++) {
      stream.append(output.tokens()[i]);
      if (boundaries[i + 1] >= from && i + 1 < end) {
        assertThat(stream.boundary() + from).as(seed).isEqualTo(boundaries[i + 1]);
      }
    }
    stream.finish();
    int shown = from == end ? expected.length() : new String(output.bytes(0, from), UTF_8).length();
    assertThat(stream.drain()).as(seed).isEqualTo(expected.substring(shown));
  }
}
