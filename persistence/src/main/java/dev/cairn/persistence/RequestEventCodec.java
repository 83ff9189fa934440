package dev.cairn.persistence;

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
import java.util.List;

/**
 * Bytes of request events. Every event begins with the same four fields (schema version, request,
 * epoch, index), so that {@link #header} reads them from any event; persistence/README.md has the
 * rest of the form. The manifest is the event's kind and its schema version: {@code tokens:1}.
 */
public final class RequestEventCodec {
  private static final String ACCEPTED = "accepted";
  private static final String ASSIGNED = "assigned";
  private static final String TOKENS = "tokens";
  private static final String FINISHED = "finished";
  private static final String PAUSED = "paused";
  private static final String RESUMED = "resumed";
  private static final String PRIORITIZED = "prioritized";
  private static final String DELETED = "deleted";

  private RequestEventCodec() {}

  /** Kind and schema version of an event, as {@link #encode} writes it. */
  public static String manifest(RequestEvent event) {
    return kind(event) + ":" + RequestEvent.SCHEMA_VERSION;
  }

  /** The event's bytes, in schema version {@link RequestEvent#SCHEMA_VERSION}. */
  public static byte[] encode(RequestEvent event) {
    BytesOut out = new BytesOut(64);
    out.putVarint32(RequestEvent.SCHEMA_VERSION)
        .putString(event.requestId())
        .putVarint32(event.epoch())
        .putVarint32(event.index());
    if (event instanceof Accepted accepted) {
      out.putBytes(AcceptedCbor.encode(accepted.spec()));
    } else if (event instanceof Assigned assigned) {
      out.putString(assigned.device()).putString(assigned.numericsVersion());
    } else if (event instanceof TokensCommitted committed) {
      out.putVarint32(committed.tokens().length);
      for (int token : committed.tokens()) {
        out.putVarint32(token);
      }
      putLogprobs(out, committed.logprobs());
      putLogprobs(out, committed.promptLogprobs());
    } else if (event instanceof Prioritized prioritized) {
      out.putByte(code(prioritized.band()));
    } else if (event instanceof Finished finished) {
      out.putByte(code(finished.reason())).putString(finished.detail());
    }
    return out.toBytes();
  }

  /** Schema version, request, epoch and index of an event of any kind. */
  public static EventHeader header(byte[] bytes) throws EventFormatException {
    return readHeader(new BytesIn(bytes));
  }

  /**
   * Reads an event.
   *
   * @throws EventFormatException where the manifest is unknown, the schema version is newer than
   *     {@link RequestEvent#SCHEMA_VERSION} or the bytes do not have the form
   */
  public static RequestEvent decode(byte[] bytes, String manifest) throws EventFormatException {
    String kind = checkedKind(manifest);
    BytesIn in = new BytesIn(bytes);
    EventHeader header = readHeader(in);
    if (!manifest.equals(kind + ":" + header.schemaVersion())) {
      throw new EventFormatException(
          "An event with manifest \""
              + manifest
              + "\" says schema version "
              + header.schemaVersion()
              + ", expected the same.");
    }
    RequestEvent event =
        switch (kind) {
          case ACCEPTED ->
              new Accepted(AcceptedCbor.decode(in.readBytes(), header.schemaVersion()));
          case ASSIGNED ->
              new Assigned(
                  header.requestId(),
                  header.epoch(),
                  header.index(),
                  in.readString(),
                  in.readString());
          case TOKENS ->
              new TokensCommitted(
                  header.requestId(),
                  header.epoch(),
                  header.index(),
                  readTokens(in),
                  readLogprobs(in),
                  readLogprobs(in));
          case FINISHED ->
              new Finished(
                  header.requestId(),
                  header.epoch(),
                  header.index(),
                  reason(in.readByte()),
                  in.readString());
          case PAUSED -> new Paused(header.requestId(), header.epoch(), header.index());
          case DELETED -> new Deleted(header.requestId(), header.epoch(), header.index());
          case RESUMED -> new Resumed(header.requestId(), header.epoch(), header.index());
          case PRIORITIZED ->
              new Prioritized(
                  header.requestId(), header.epoch(), header.index(), band(in.readByte()));
          default -> throw unknown(manifest);
        };
    in.expectEnd();
    if (!event.requestId().equals(header.requestId())) {
      throw new EventFormatException(
          "An event of request "
              + header.requestId()
              + " holds request "
              + event.requestId()
              + ", expected the same.");
    }
    return event;
  }

  private static String kind(RequestEvent event) {
    if (event instanceof Accepted) {
      return ACCEPTED;
    } else if (event instanceof Assigned) {
      return ASSIGNED;
    } else if (event instanceof TokensCommitted) {
      return TOKENS;
    } else if (event instanceof Paused) {
      return PAUSED;
    } else if (event instanceof Resumed) {
      return RESUMED;
    } else if (event instanceof Prioritized) {
      return PRIORITIZED;
    } else if (event instanceof Deleted) {
      return DELETED;
    } else {
      return FINISHED;
    }
  }

  private static String checkedKind(String manifest) throws EventFormatException {
    int colon = manifest.indexOf(':');
    if (colon < 0) {
      throw unknown(manifest);
    }
    int version;
    try {
      version = Integer.parseInt(manifest.substring(colon + 1));
    } catch (NumberFormatException e) {
      throw new EventFormatException(unknown(manifest).getMessage(), e);
    }
    if (version > RequestEvent.SCHEMA_VERSION) {
      throw new EventFormatException(
          "An event with manifest \""
              + manifest
              + "\" was written by a newer program; this one reads schema versions up to "
              + RequestEvent.SCHEMA_VERSION
              + ".");
    }
    if (version < 1) {
      throw unknown(manifest);
    }
    return manifest.substring(0, colon);
  }

  private static EventFormatException unknown(String manifest) {
    return new EventFormatException(
        "An event has the manifest \""
            + manifest
            + "\", expected accepted, assigned, tokens, paused, resumed, prioritized, finished or"
            + " deleted and a schema version up to "
            + RequestEvent.SCHEMA_VERSION
            + ".");
  }

  private static EventHeader readHeader(BytesIn in) throws EventFormatException {
    int version = in.readVarint32();
    if (version < 1 || version > RequestEvent.SCHEMA_VERSION) {
      throw new EventFormatException(
          "An event has schema version "
              + Integer.toUnsignedString(version)
              + "; this program reads 1 to "
              + RequestEvent.SCHEMA_VERSION
              + ".");
    }
    return new EventHeader(version, in.readString(), in.readVarint32(), in.readVarint32());
  }

  private static int[] readTokens(BytesIn in) throws EventFormatException {
    int[] tokens = new int[in.readCount(1)];
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = in.readVarint32();
    }
    return tokens;
  }

  private static void putLogprobs(BytesOut out, List<TokenLogprobs> logprobs) {
    out.putVarint32(logprobs.size());
    for (TokenLogprobs each : logprobs) {
      if (each.topTokens().length != each.topLogprobs().length) {
        throw new IllegalArgumentException(
            each.topTokens().length
                + " most likely tokens have "
                + each.topLogprobs().length
                + " log-probabilities");
      }
      out.putFloat(each.logprob()).putVarint32(each.topTokens().length);
      for (int i = 0; i < each.topTokens().length; i++) {
        out.putVarint32(each.topTokens()[i]).putFloat(each.topLogprobs()[i]);
      }
    }
  }

  private static List<TokenLogprobs> readLogprobs(BytesIn in) throws EventFormatException {
    int count = in.readCount(5);
    List<TokenLogprobs> logprobs = new ArrayList<>(count);
    for (int n = 0; n < count; n++) {
      float logprob = in.readFloat();
      int top = in.readCount(5);
      int[] tokens = new int[top];
      float[] logprobsOfTop = new float[top];
      for (int i = 0; i < top; i++) {
        tokens[i] = in.readVarint32();
        logprobsOfTop[i] = in.readFloat();
      }
      logprobs.add(new TokenLogprobs(logprob, tokens, logprobsOfTop));
    }
    return logprobs;
  }

  private static int code(FinishReason reason) {
    return switch (reason) {
      case STOP -> 1;
      case LENGTH -> 2;
      case CANCELLED -> 3;
      case ERROR -> 4;
      case TIMEOUT -> 5;
    };
  }

  private static FinishReason reason(int code) throws EventFormatException {
    return switch (code) {
      case 1 -> FinishReason.STOP;
      case 2 -> FinishReason.LENGTH;
      case 3 -> FinishReason.CANCELLED;
      case 4 -> FinishReason.ERROR;
      case 5 -> FinishReason.TIMEOUT;
      default ->
          throw new EventFormatException("A finish reason is " + code + ", expected 1 to 5.");
    };
  }

  static int code(Answer.Form form) {
    return switch (form) {
      case COMPLETION -> 1;
      case CHAT -> 2;
      case RESPONSE -> 3;
    };
  }

  static Answer.Form form(int code) throws EventFormatException {
    return switch (code) {
      case 1 -> Answer.Form.COMPLETION;
      case 2 -> Answer.Form.CHAT;
      case 3 -> Answer.Form.RESPONSE;
      default ->
          throw new EventFormatException("A form of answer is " + code + ", expected 1 to 3.");
    };
  }

  static int code(Band band) {
    return switch (band) {
      case SYSTEM -> 1;
      case PRODUCTION -> 2;
      case INTERACTIVE -> 3;
      case BATCH -> 4;
    };
  }

  static Band band(int code) throws EventFormatException {
    return switch (code) {
      case 1 -> Band.SYSTEM;
      case 2 -> Band.PRODUCTION;
      case 3 -> Band.INTERACTIVE;
      case 4 -> Band.BATCH;
      default -> throw new EventFormatException("A band is " + code + ", expected 1 to 4.");
    };
  }
}
