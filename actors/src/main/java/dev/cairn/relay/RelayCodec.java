package dev.cairn.relay;

import dev.cairn.persistence.Band;
import dev.cairn.persistence.BytesIn;
import dev.cairn.persistence.BytesOut;
import dev.cairn.persistence.EventFormatException;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestEvent.Accepted;
import dev.cairn.persistence.RequestEvent.TokensCommitted;
import dev.cairn.persistence.RequestEventCodec;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.Attempt;
import dev.cairn.request.Snapshot.Finish;
import dev.cairn.request.Snapshot.State;
import dev.cairn.request.Update;
import dev.cairn.request.Want;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Bytes of pulls and news between nodes. Requests and tokens have the form that they have in the
 * journal.
 */
public final class RelayCodec {
  private static final int HAS_SPEC = 1;
  private static final int IS_WHOLE = 2;
  private static final int HAS_HEAD = 4;

  private RelayCodec() {}

  /** A pull's bytes. */
  public static byte[] encode(Pull pull) {
    BytesOut out = new BytesOut(64 + 48 * pull.wants().size());
    out.putLong(pull.incarnation()).putVarint(pull.round()).putVarint32(pull.wants().size());
    for (Want want : pull.wants()) {
      out.putString(want.requestId())
          .putByte(want.needsSpec() ? 1 : 0)
          .putVarint(want.version())
          .putVarint32(want.promptLogprobs())
          .putVarint32(want.tokens());
    }
    putStrings(out, pull.drops());
    return out.toBytes();
  }

  /**
   * Reads a pull.
   *
   * @throws EventFormatException where the bytes do not have the form
   */
  public static Pull pull(byte[] bytes) throws EventFormatException {
    BytesIn in = new BytesIn(bytes);
    long incarnation = in.readLong();
    long round = in.readVarint();
    int count = in.readCount(5);
    List<Want> wants = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      wants.add(
          new Want(
              in.readString(),
              in.readByte() == 1,
              in.readVarint(),
              in.readVarint32(),
              in.readVarint32()));
    }
    List<String> drops = readStrings(in);
    in.expectEnd();
    return new Pull(incarnation, round, wants, drops);
  }

  /** The bytes of news. */
  public static byte[] encode(News news) {
    BytesOut out = new BytesOut(64 + 64 * news.updates().size());
    out.putLong(news.incarnation()).putVarint(news.round()).putVarint32(news.updates().size());
    for (Update update : news.updates()) {
      put(out, update);
    }
    putStrings(out, news.notHere());
    putStrings(out, news.behind());
    return out.toBytes();
  }

  /**
   * Reads news.
   *
   * @throws EventFormatException where the bytes do not have the form
   */
  public static News news(byte[] bytes) throws EventFormatException {
    BytesIn in = new BytesIn(bytes);
    long incarnation = in.readLong();
    long round = in.readVarint();
    int count = in.readCount(5);
    List<Update> updates = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      updates.add(readUpdate(in));
    }
    List<String> notHere = readStrings(in);
    List<String> behind = readStrings(in);
    in.expectEnd();
    return new News(incarnation, round, updates, notHere, behind);
  }

  private static void put(BytesOut out, Update update) {
    int flags =
        (update.spec().isPresent() ? HAS_SPEC : 0)
            | (update.whole() ? IS_WHOLE : 0)
            | (update.head().isPresent() ? HAS_HEAD : 0);
    out.putByte(flags)
        .putVarint(update.version())
        .putVarint32(update.firstPromptLogprob())
        .putVarint(update.headSince())
        .putBytes(
            RequestEventCodec.encode(
                new TokensCommitted(
                    update.requestId(),
                    0,
                    update.firstIndex(),
                    update.tokens(),
                    update.logprobs(),
                    update.promptLogprobs())));
    update.spec().ifPresent(spec -> out.putBytes(RequestEventCodec.encode(new Accepted(spec))));
    update.head().ifPresent(head -> putHead(out, head));
  }

  private static Update readUpdate(BytesIn in) throws EventFormatException {
    int flags = in.readByte();
    long version = in.readVarint();
    int firstPromptLogprob = in.readVarint32();
    long headSince = in.readVarint();
    TokensCommitted tokens = (TokensCommitted) event("tokens", in.readBytes());
    Optional<RequestSpec> spec =
        (flags & HAS_SPEC) == 0
            ? Optional.empty()
            : Optional.of(((Accepted) event("accepted", in.readBytes())).spec());
    return new Update(
        tokens.requestId(),
        version,
        spec,
        firstPromptLogprob,
        tokens.promptLogprobs(),
        tokens.index(),
        tokens.tokens(),
        tokens.logprobs(),
        (flags & IS_WHOLE) != 0,
        headSince,
        (flags & HAS_HEAD) == 0 ? Optional.empty() : Optional.of(readHead(in)));
  }

  private static RequestEvent event(String kind, byte[] bytes) throws EventFormatException {
    return RequestEventCodec.decode(
        bytes, kind + ":" + RequestEventCodec.header(bytes).schemaVersion());
  }

  private static void putHead(BytesOut out, Update.Head head) {
    out.putByte(head.state().ordinal())
        .putByte(head.band().ordinal())
        .putVarint32(head.attempts().size());
    for (Attempt attempt : head.attempts()) {
      out.putVarint32(attempt.epoch())
          .putVarint32(attempt.firstIndex())
          .putString(attempt.device())
          .putString(attempt.numericsVersion());
    }
    out.putByte(head.finish().isPresent() ? 1 : 0);
    head.finish()
        .ifPresent(finish -> out.putByte(finish.reason().ordinal()).putString(finish.detail()));
  }

  private static Update.Head readHead(BytesIn in) throws EventFormatException {
    State state = constant(State.values(), in.readByte());
    Band band = constant(Band.values(), in.readByte());
    int count = in.readCount(4);
    List<Attempt> attempts = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      attempts.add(
          new Attempt(in.readVarint32(), in.readVarint32(), in.readString(), in.readString()));
    }
    Optional<Finish> finish =
        in.readByte() == 0
            ? Optional.empty()
            : Optional.of(
                new Finish(constant(FinishReason.values(), in.readByte()), in.readString()));
    return new Update.Head(state, band, List.copyOf(attempts), finish);
  }

  private static <T> T constant(T[] constants, int code) throws EventFormatException {
    if (code >= constants.length) {
      throw new EventFormatException(
          "A "
              + constants[0].getClass().getSimpleName()
              + " is "
              + code
              + ", expected at most "
              + (constants.length - 1)
              + ".");
    }
    return constants[code];
  }

  private static void putStrings(BytesOut out, List<String> strings) {
    out.putVarint32(strings.size());
    strings.forEach(out::putString);
  }

  private static List<String> readStrings(BytesIn in) throws EventFormatException {
    int count = in.readCount(1);
    List<String> strings = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      strings.add(in.readString());
    }
    return strings;
  }
}
