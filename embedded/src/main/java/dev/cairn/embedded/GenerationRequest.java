package dev.cairn.embedded;

import dev.cairn.model.Sampling;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.RequestIds;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.Scheduling;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What is to be written. Each method returns a changed copy and leaves this one as it is. A request
 * that names no seed is given a random one, or one that follows from its {@link #idempotencyKey}.
 */
public final class GenerationRequest {
  private static final int DEFAULT_MAX_TOKENS = 256;
  private static final double MAX_TEMPERATURE = 2;
  private static final int MAX_STOPS = 16;

  private final String prompt;
  private final int[] promptTokens;
  private int maxTokens = DEFAULT_MAX_TOKENS;
  private Sampling sampling = new Sampling(1f, 0, 1f, 0f, 1f, 0f, 0f);
  private Optional<Long> seed = Optional.empty();
  private List<String> stop = List.of();
  private Optional<String> key = Optional.empty();
  private long timeoutMillis;
  private Scheduling scheduling = Scheduling.DEFAULT;

  private GenerationRequest(String prompt, int[] promptTokens) {
    this.prompt = prompt;
    this.promptTokens = promptTokens;
  }

  /** Continues a text with at most 256 tokens, drawn as the model has them. */
  public static GenerationRequest of(String prompt) {
    if (prompt.isEmpty()) {
      throw new IllegalArgumentException("an empty prompt, expected some text");
    }
    return new GenerationRequest(prompt, new int[0]);
  }

  /** The same of a prompt that is tokens already; at least one. */
  public static GenerationRequest ofTokens(int... prompt) {
    if (prompt.length == 0) {
      throw new IllegalArgumentException("a prompt without tokens, expected at least one");
    }
    return new GenerationRequest("", prompt.clone());
  }

  /** Most tokens to write, 1 or more. */
  public GenerationRequest maxTokens(int most) {
    if (most < 1) {
      throw new IllegalArgumentException("maxTokens is " + most + ", expected at least 1");
    }
    return with(copy -> copy.maxTokens = most);
  }

  /** Always takes the most likely token. */
  public GenerationRequest greedy() {
    return sampling(Sampling.GREEDY);
  }

  /** From 0, which is greedy, to 2; 1 takes the probabilities as they are. */
  public GenerationRequest temperature(double temperature) {
    if (!(temperature >= 0 && temperature <= MAX_TEMPERATURE)) {
      throw new IllegalArgumentException(
          "temperature is " + temperature + ", expected 0 to " + MAX_TEMPERATURE);
    }
    return with(copy -> copy.sampling = drawn((float) temperature, sampling.topP()));
  }

  /** Keeps the smallest set of most likely tokens that reaches this probability; up to 1. */
  public GenerationRequest topP(double topP) {
    if (!(topP > 0 && topP <= 1)) {
      throw new IllegalArgumentException("topP is " + topP + ", expected more than 0, up to 1");
    }
    return with(copy -> copy.sampling = drawn(sampling.temperature(), (float) topP));
  }

  private Sampling drawn(float temperature, float topP) {
    return new Sampling(
        temperature,
        sampling.topK(),
        topP,
        sampling.minP(),
        sampling.repetitionPenalty(),
        sampling.presencePenalty(),
        sampling.frequencyPenalty(),
        sampling.logitBias(),
        sampling.grammar());
  }

  /** How tokens are drawn, in all its detail. */
  public GenerationRequest sampling(Sampling drawn) {
    Objects.requireNonNull(drawn, "a request without sampling");
    return with(copy -> copy.sampling = drawn);
  }

  /** Seed of the draws: the same request with the same seed has the same output. */
  public GenerationRequest seed(long value) {
    return with(copy -> copy.seed = Optional.of(value));
  }

  /** Texts that end the output and are not part of it, up to 16, none empty. */
  public GenerationRequest stop(String... texts) {
    List<String> all = List.of(texts);
    if (all.size() > MAX_STOPS || all.contains("")) {
      throw new IllegalArgumentException(
          "stop is " + all + ", expected up to " + MAX_STOPS + " texts, none empty");
    }
    return with(copy -> copy.stop = all);
  }

  /**
   * A name of the host's own. Whoever submits the same request under the same name again, after a
   * crash too, gets the generation that there is; another request under it is refused.
   */
  public GenerationRequest idempotencyKey(String name) {
    if (name.isEmpty()) {
      throw new IllegalArgumentException("an empty idempotency key, expected some text");
    }
    return with(copy -> copy.key = Optional.of(name));
  }

  /** Ends with what there is when so many milliseconds have passed; 0: never. */
  public GenerationRequest timeoutMillis(long millis) {
    if (millis < 0) {
      throw new IllegalArgumentException("a timeout of " + millis + " ms, expected 0 or more");
    }
    return with(copy -> copy.timeoutMillis = millis);
  }

  /** How urgent it is. */
  public GenerationRequest priority(Band band) {
    return scheduling(scheduling.withBand(band));
  }

  /** A turn of a session: turns of one session follow each other and keep their prefix warm. */
  public GenerationRequest session(String name) {
    return scheduling(scheduling.withSession(name));
  }

  /** Part of another generation, with which it is served, and which ends it when cancelled. */
  public GenerationRequest partOf(Generation parent) {
    return scheduling(scheduling.withParent(parent.id(), false));
  }

  /** Where it stands among others, in all its detail. */
  public GenerationRequest scheduling(Scheduling place) {
    Objects.requireNonNull(place, "a request without scheduling");
    return with(copy -> copy.scheduling = place);
  }

  private GenerationRequest with(Consumer<GenerationRequest> change) {
    GenerationRequest copy = new GenerationRequest(prompt, promptTokens);
    copy.maxTokens = maxTokens;
    copy.sampling = sampling;
    copy.seed = seed;
    copy.stop = stop;
    copy.key = key;
    copy.timeoutMillis = timeoutMillis;
    copy.scheduling = scheduling;
    change.accept(copy);
    return copy;
  }

  RequestSpec spec(
      String model, String fingerprint, Tokenizer tokenizer, RequestIds ids, long nowMillis) {
    int[] tokens =
        promptTokens.length > 0
            ? checked(promptTokens, tokenizer.size())
            : tokenizer.encode(prompt, true, true);
    return RequestSpec.of(
            key.map(RequestIds::ofKey).orElseGet(ids::next), model, fingerprint, tokens)
        .submittedAtMillis(nowMillis)
        .maxTokens(maxTokens)
        .sampling(sampling)
        .seed(seed.or(() -> key.map(RequestIds::seedOfKey)).orElseGet(ids::seed))
        .stop(stop)
        .timeoutMillis(timeoutMillis)
        .scheduling(scheduling)
        .build();
  }

  private static int[] checked(int[] tokens, int vocabulary) {
    for (int token : tokens) {
      if (token < 0 || token >= vocabulary) {
        throw new IllegalArgumentException(
            "token " + token + " in a prompt, expected 0 to " + (vocabulary - 1));
      }
    }
    return tokens.clone();
  }
}
