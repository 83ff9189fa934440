package dev.cairn.persistence;

import dev.cairn.model.Sampling;
import dev.cairn.model.TokenLogprobs;
import dev.cairn.persistence.RequestEvent.Accepted;
import dev.cairn.persistence.RequestEvent.Assigned;
import dev.cairn.persistence.RequestEvent.Deleted;
import dev.cairn.persistence.RequestEvent.Finished;
import dev.cairn.persistence.RequestEvent.Paused;
import dev.cairn.persistence.RequestEvent.Prioritized;
import dev.cairn.persistence.RequestEvent.Resumed;
import dev.cairn.persistence.RequestEvent.TokensCommitted;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Events to test with: fixed ones, and random ones from a seed. */
final class Events {
  private static final List<FinishReason> REASONS = List.of(FinishReason.values());

  private Events() {}

  /** The events whose bytes are checked in, by name. */
  static Map<String, RequestEvent> golden() {
    Map<String, RequestEvent> events = new LinkedHashMap<>();
    String id = "01JD9XK3Q4V7W8Y2Z5A6B1C0DE";
    events.put(
        "accepted",
        new Accepted(
            RequestSpec.of(
                    id, "smollm2-135m", "sha256:0f1e2d", new int[] {1, 127, 128, 49_151, 2_000_000})
                .submittedAtMillis(1_763_790_000_123L)
                .maxTokens(256)
                .sampling(new Sampling(0.7f, 40, 0.95f, 0.05f, 1.1f, 0.25f, -0.5f))
                .seed(-6_148_914_691_236_517_206L)
                .stop(List.of("\n\n", "Übung"))
                .ignoreEos(true)
                .logprobs(5)
                .echo(true)
                .promptLogprobs(true)
                .cancelOnDisconnect(true)
                .timeoutMillis(90_000L)
                .constraints(new Constraints("cpu", "Q8_0", "llama", 70_000))
                .scheduling(
                    new Scheduling(
                        Band.BATCH,
                        "Ümlaut & co",
                        "01JD9XK3Q4V7W8Y2Z5A6B1C0DA",
                        0,
                        0,
                        true,
                        "session-1",
                        "group-1",
                        300,
                        45_000,
                        LookUp.AS_CONFIGURED,
                        0))
                .build()));
    events.put("assigned", new Assigned(id, 1, 0, "cpu-0", "cairn-1"));
    events.put("assigned-again", new Assigned(id, 300, 70_000, "hip:0@node-b", "cairn-1"));
    events.put("tokens-one", tokens(id, 1, 0, new int[] {49_151}));
    events.put("tokens-tail", tokens(id, 1, 1, new int[] {0, 127, 128, 16_383, 16_384, 2_000_000}));
    events.put(
        "tokens-logprobs",
        new TokensCommitted(
            id,
            2,
            7,
            new int[] {11},
            List.of(new TokenLogprobs(-0.5f, new int[] {11, 12}, new float[] {-0.5f, -1.25f})),
            List.of(new TokenLogprobs(-3f, new int[0], new float[0]))));
    events.put("paused", new Paused(id, 2, 8));
    events.put("resumed", new Resumed(id, 2, 8));
    events.put("prioritized", new Prioritized(id, 2, 8, Band.PRODUCTION));
    events.put("finished", new Finished(id, 2, 8, FinishReason.STOP, ""));
    events.put("finished-error", new Finished(id, 2, 8, FinishReason.ERROR, "The device is gone."));
    events.put("finished-timeout", new Finished(id, 2, 8, FinishReason.TIMEOUT, ""));
    events.put("deleted", new Deleted(id, 2, 8));
    return events;
  }

  /** The same, as schema version 2 could say it. */
  static Map<String, RequestEvent> goldenOfVersion2() {
    Map<String, RequestEvent> events = golden();
    List.of("prioritized", "deleted").forEach(events::remove);
    RequestSpec newest = ((Accepted) events.get("accepted")).spec();
    events.put(
        "accepted",
        new Accepted(
            newest.toBuilder()
                .constraints(Constraints.NONE)
                .scheduling(Scheduling.DEFAULT)
                .build()));
    return events;
  }

  /** The same, as schema version 1 could say it. */
  static Map<String, RequestEvent> goldenOfVersion1() {
    Map<String, RequestEvent> events = goldenOfVersion2();
    List.of("paused", "resumed", "finished-timeout").forEach(events::remove);
    RequestSpec newest = ((Accepted) events.get("accepted")).spec();
    events.put("accepted", new Accepted(newest.toBuilder().timeoutMillis(0).build()));
    return events;
  }

  static TokensCommitted tokens(String id, int epoch, int index, int[] tokens) {
    return new TokensCommitted(id, epoch, index, tokens, List.of(), List.of());
  }

  static RequestEvent random(Random random) {
    String id = text(random, 40);
    int epoch = number(random);
    int index = number(random);
    return switch (random.nextInt(8)) {
      case 0 -> new Accepted(spec(random, id));
      case 1 -> new Assigned(id, epoch, index, text(random, 20), text(random, 20));
      case 2 ->
          new TokensCommitted(
              id,
              epoch,
              index,
              ints(random, random.nextInt(64)),
              logprobs(random),
              logprobs(random));
      case 3 -> new Paused(id, epoch, index);
      case 4 -> new Resumed(id, epoch, index);
      case 5 -> new Prioritized(id, epoch, index, band(random));
      case 6 -> new Deleted(id, epoch, index);
      default ->
          new Finished(
              id, epoch, index, REASONS.get(random.nextInt(REASONS.size())), text(random, 80));
    };
  }

  private static RequestSpec spec(Random random, String id) {
    List<String> stop = new ArrayList<>();
    for (int n = random.nextInt(4); n > 0; n--) {
      stop.add(text(random, 10));
    }
    return RequestSpec.of(id, text(random, 30), text(random, 64), ints(random, random.nextInt(500)))
        .submittedAtMillis(random.nextLong())
        .maxTokens(number(random))
        .sampling(
            new Sampling(
                    random.nextFloat(),
                    number(random),
                    random.nextFloat(),
                    Float.MIN_VALUE,
                    random.nextFloat() * 1e9f,
                    -random.nextFloat(),
                    random.nextFloat())
                .with(
                    random.nextBoolean() ? Map.of() : Map.of(number(random), random.nextFloat()),
                    random.nextBoolean() ? "" : text(random, 50)))
        .seed(random.nextLong())
        .stop(stop)
        .ignoreEos(random.nextBoolean())
        .logprobs(random.nextInt(22) - 1)
        .echo(random.nextBoolean())
        .promptLogprobs(random.nextBoolean())
        .cancelOnDisconnect(random.nextBoolean())
        .timeoutMillis(random.nextLong() >>> 1)
        .constraints(
            new Constraints(
                text(random, 9), text(random, 9), text(random, 9), random.nextLong() >>> 1))
        .scheduling(scheduling(random))
        .answer(
            random.nextBoolean()
                ? Answer.COMPLETION
                : new Answer(Answer.Form.values()[random.nextInt(3)], text(random, 50)))
        .build();
  }

  private static Scheduling scheduling(Random random) {
    boolean grouped = random.nextBoolean();
    return new Scheduling(
        band(random),
        text(random, 20),
        text(random, 30),
        random.nextInt(1000),
        random.nextLong() >>> 1,
        random.nextBoolean(),
        text(random, 20),
        grouped ? text(random, 20) : "",
        grouped ? 1 + random.nextInt(100_000) : 0,
        random.nextLong() >>> 1,
        LookUp.values()[random.nextInt(LookUp.values().length)],
        random.nextBoolean() ? 0 : random.nextInt(1000) / 8.0);
  }

  private static Band band(Random random) {
    return Band.values()[random.nextInt(Band.values().length)];
  }

  private static List<TokenLogprobs> logprobs(Random random) {
    List<TokenLogprobs> logprobs = new ArrayList<>();
    for (int n = random.nextInt(5); n > 0; n--) {
      int top = random.nextInt(TokenLogprobs.MAX_TOP + 1);
      float[] values = new float[top];
      for (int i = 0; i < top; i++) {
        values[i] = -random.nextFloat() * 30;
      }
      logprobs.add(new TokenLogprobs(-random.nextFloat(), ints(random, top), values));
    }
    return logprobs;
  }

  private static int[] ints(Random random, int length) {
    int[] ints = new int[length];
    for (int i = 0; i < length; i++) {
      ints[i] = number(random);
    }
    return ints;
  }

  /** Not negative, of any number of bits. */
  private static int number(Random random) {
    return random.nextInt() >>> (1 + random.nextInt(31));
  }

  private static String text(Random random, int maxLength) {
    StringBuilder text = new StringBuilder();
    for (int n = 1 + random.nextInt(maxLength); n > 0; n--) {
      text.appendCodePoint(random.nextInt(10) == 0 ? 0x1f600 + random.nextInt(64) : 'a' + n % 26);
    }
    return text.toString();
  }
}
