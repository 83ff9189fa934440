package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.model.Sampling;
import dev.cairn.model.TokenLogprobs;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.Constraints;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestEvent.Accepted;
import dev.cairn.persistence.RequestEvent.Assigned;
import dev.cairn.persistence.RequestEvent.Deleted;
import dev.cairn.persistence.RequestEvent.Finished;
import dev.cairn.persistence.RequestEvent.Paused;
import dev.cairn.persistence.RequestEvent.Prioritized;
import dev.cairn.persistence.RequestEvent.Resumed;
import dev.cairn.persistence.RequestEvent.TokensCommitted;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.Scheduling;
import dev.cairn.persistence.journal.StoredEvent;
import dev.cairn.server.http.Json;
import java.io.IOException;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Events of the journal, as JSON and in words. */
final class JournalEvents {
  private JournalEvents() {}

  /** A moment in UTC, to the millisecond; a dash where it is unknown. */
  static String time(long epochMillis) {
    return epochMillis == 0
        ? "-"
        : Instant.ofEpochMilli(epochMillis).toString().replaceFirst("(:\\d\\d)Z$", "$1.000Z");
  }

  /**
   * One line of the export.
   *
   * @param content whether tokens and strings of the request belong in it
   */
  static ObjectNode json(StoredEvent stored, boolean content) throws IOException {
    ObjectNode out = Json.object();
    out.put("persistence_id", stored.persistenceId());
    out.put("sequence_nr", stored.sequenceNr());
    out.put("time", time(stored.timestampMillis()));
    out.put("writer", stored.writerUuid());
    out.put("manifest", stored.manifest());
    Optional<RequestEvent> request = stored.requestEvent();
    if (request.isEmpty()) {
      out.put("event", "other");
      out.put("serializer", stored.serializerId());
      out.put("payload_bytes", stored.payload().length);
      if (content) {
        out.put("payload", stored.payload());
      }
      return out;
    }
    RequestEvent event = request.get();
    out.put("event", kind(event));
    out.put("request", event.requestId());
    out.put("epoch", event.epoch());
    out.put("index", event.index());
    if (event instanceof Accepted accepted) {
      put(out, accepted.spec(), content);
    } else if (event instanceof Assigned assigned) {
      out.put("device", assigned.device());
      out.put("numerics_version", assigned.numericsVersion());
    } else if (event instanceof TokensCommitted committed) {
      put(out, committed, content);
    } else if (event instanceof Prioritized prioritized) {
      out.put("band", name(prioritized.band()));
    } else if (event instanceof Finished finished) {
      out.put("reason", finished.reason().name().toLowerCase(Locale.ROOT));
      out.put("detail", finished.detail());
    }
    return out;
  }

  private static void put(ObjectNode out, RequestSpec spec, boolean content) {
    out.put("model", spec.model());
    out.put("model_fingerprint", spec.modelFingerprint());
    out.put("submitted", time(spec.submittedAtMillis()));
    out.put("prompt_token_count", spec.promptTokens().length);
    if (content) {
      put(out.putArray("prompt_tokens"), spec.promptTokens());
    }
    out.put("max_tokens", spec.maxTokens());
    Sampling sampling = spec.sampling();
    ObjectNode draws = out.putObject("sampling");
    draws
        .put("temperature", sampling.temperature())
        .put("top_k", sampling.topK())
        .put("top_p", sampling.topP())
        .put("min_p", sampling.minP())
        .put("repetition_penalty", sampling.repetitionPenalty())
        .put("presence_penalty", sampling.presencePenalty())
        .put("frequency_penalty", sampling.frequencyPenalty())
        .put("logit_bias_count", sampling.logitBias().size())
        .put("constrained", sampling.isConstrained());
    if (content) {
      ObjectNode bias = draws.putObject("logit_bias");
      new TreeMap<>(sampling.logitBias()).forEach((token, b) -> bias.put(token.toString(), b));
      draws.put("grammar", sampling.grammar());
    }
    out.put("seed", spec.seed());
    out.put("stop_count", spec.stop().size());
    if (content) {
      spec.stop().forEach(out.putArray("stop")::add);
    }
    out.put("ignore_eos", spec.ignoreEos());
    out.put("logprobs", spec.logprobs());
    out.put("echo", spec.echo());
    out.put("prompt_logprobs", spec.promptLogprobs());
    out.put("cancel_on_disconnect", spec.cancelOnDisconnect());
    out.put("timeout_ms", spec.timeoutMillis());
    Constraints constraints = spec.constraints();
    out.putObject("constraints")
        .put("backend", constraints.backend())
        .put("weight_type", constraints.weightType())
        .put("architecture", constraints.architecture())
        .put("min_kv_tokens", constraints.minKvTokens());
    Scheduling scheduling = spec.scheduling();
    out.put("band", name(scheduling.band()));
    out.put("tenant", scheduling.tenant());
    out.put("parent", scheduling.parent());
    out.put("keep_when_parent_cancelled", scheduling.keepWhenParentCancelled());
    out.put("session", scheduling.session());
    out.put("group", scheduling.group());
    out.put("group_size", scheduling.groupSize());
    out.put("no_progress_ms", scheduling.noProgressMillis());
    out.put("answer", spec.answer().form().name().toLowerCase(Locale.ROOT));
    if (content) {
      out.put("answer_context", spec.answer().context());
    }
  }

  private static void put(ObjectNode out, TokensCommitted committed, boolean content) {
    out.put("token_count", committed.tokens().length);
    if (content) {
      put(out.putArray("tokens"), committed.tokens());
      put(out.putArray("logprobs"), committed.logprobs());
      put(out.putArray("prompt_logprobs"), committed.promptLogprobs());
    }
  }

  private static void put(ArrayNode out, int[] tokens) {
    for (int token : tokens) {
      out.add(token);
    }
  }

  private static void put(ArrayNode out, List<TokenLogprobs> logprobs) {
    for (TokenLogprobs each : logprobs) {
      ObjectNode entry = out.addObject();
      entry.put("logprob", each.logprob());
      ArrayNode top = entry.putArray("top");
      for (int i = 0; i < each.topTokens().length; i++) {
        top.addArray().add(each.topTokens()[i]).add(each.topLogprobs()[i]);
      }
    }
  }

  /** One line of the report for people. */
  static String line(StoredEvent stored, boolean content) throws IOException {
    Optional<RequestEvent> event = stored.requestEvent();
    return String.format(
        "%6d  %-24s  %5s  %5s  %s",
        stored.sequenceNr(),
        time(stored.timestampMillis()),
        event.map(e -> "" + e.epoch()).orElse("-"),
        event.map(e -> "" + e.index()).orElse("-"),
        event
            .map(e -> words(e, content))
            .orElse("an event of another kind, " + stored.payload().length + " bytes"));
  }

  private static String words(RequestEvent event, boolean content) {
    if (event instanceof Accepted accepted) {
      return accepted(accepted.spec(), content);
    } else if (event instanceof Assigned assigned) {
      return "assigned to " + assigned.device() + ", numerics " + assigned.numericsVersion();
    } else if (event instanceof TokensCommitted committed) {
      return counted(committed.tokens().length, "token")
          + " committed"
          + (committed.promptLogprobs().isEmpty() ? "" : ", log-probabilities of the prompt")
          + (content ? ": " + numbers(committed.tokens()) : "");
    }
    if (event instanceof Paused) {
      return "paused";
    } else if (event instanceof Resumed) {
      return "resumed";
    } else if (event instanceof Prioritized prioritized) {
      return "moved to band " + name(prioritized.band());
    }
    if (event instanceof Deleted) {
      return "deleted, and what it was erased";
    }
    Finished finished = (Finished) event;
    return "finished: "
        + finished.reason().name().toLowerCase(Locale.ROOT)
        + (finished.detail().isEmpty() ? "" : ", " + finished.detail());
  }

  private static String accepted(RequestSpec spec, boolean content) {
    return "accepted for "
        + spec.model()
        + ": "
        + counted(spec.promptTokens().length, "prompt token")
        + ", at most "
        + counted(spec.maxTokens(), "token")
        + ", temperature "
        + spec.sampling().temperature()
        + ", seed "
        + spec.seed()
        + (content ? ", stop " + spec.stop() + ": " + numbers(spec.promptTokens()) : "");
  }

  private static String name(Band band) {
    return band.name().toLowerCase(Locale.ROOT);
  }

  private static String counted(int count, String noun) {
    return count + " " + noun + (count == 1 ? "" : "s");
  }

  private static String numbers(int[] tokens) {
    return Arrays.stream(tokens).mapToObj(Integer::toString).collect(Collectors.joining(" "));
  }

  private static String kind(RequestEvent event) {
    if (event instanceof Accepted) {
      return "accepted";
    } else if (event instanceof Assigned) {
      return "assigned";
    } else if (event instanceof TokensCommitted) {
      return "tokens";
    } else if (event instanceof Paused) {
      return "paused";
    } else if (event instanceof Resumed) {
      return "resumed";
    } else if (event instanceof Prioritized) {
      return "prioritized";
    } else if (event instanceof Deleted) {
      return "deleted";
    }
    return "finished";
  }
}
