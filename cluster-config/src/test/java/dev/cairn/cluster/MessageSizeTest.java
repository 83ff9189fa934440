package dev.cairn.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import dev.cairn.actors.ClusterMessage;
import dev.cairn.actors.RequestActor;
import dev.cairn.actors.SchedulerActor;
import dev.cairn.model.TokenLogprobs;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.scheduling.Admission;
import dev.cairn.scheduling.Handover;
import dev.cairn.scheduling.Standing;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class MessageSizeTest {
  private static final int CONTEXT = 131_072;
  private static final ShardedRequests.Limits LIMITS =
      new ShardedRequests.Limits(
          CONTEXT, 1_026, 2_097_152 - 4_096, 10, Duration.ofSeconds(1), Duration.ofSeconds(1));

  private final ActorTestKit kit =
      ActorTestKit.create(
          NodeConfig.load(
              ConfigFactory.parseString(
                  "cairn.cluster.transport = tcp, pekko.loglevel = WARNING")));
  private final Serialization serialization = SerializationExtension.get(kit.system());
  private final Random random = new Random(7);

  @AfterEach
  void stop() {
    kit.shutdownTestKit();
  }

  private int size(ClusterMessage message) {
    return serialization.serialize(message).get().length;
  }

  private TokenLogprobs logprobs(int top) {
    float[] values = new float[top];
    for (int i = 0; i < top; i++) {
      values[i] = -random.nextFloat() * 20;
    }
    return new TokenLogprobs(
        -random.nextFloat(), random.ints(top, 70_000, 150_000).toArray(), values);
  }

  private RequestSpec.Builder spec(int prompt) {
    return RequestSpec.of("r", "m", "print", random.ints(prompt, 70_000, 150_000).toArray());
  }

  /** The largest messages that a request is in, as they are between nodes. */
  private int largest(RequestSpec spec) {
    ActorRef<RequestActor.Command> owner = kit.<RequestActor.Command>createTestProbe().getRef();
    Admission admission =
        new Admission(
            "r",
            1,
            Standing.alone(Band.INTERACTIVE, "", 1),
            1,
            spec.promptTokens(),
            spec.promptTokens().length,
            spec.maxTokens(),
            spec.sampling(),
            spec.seed(),
            true,
            spec.logprobs(),
            spec.promptLogprobs(),
            "tenant");
    int tokens = Math.min(LIMITS.maxHandOver(), spec.maxTokens());
    List<TokenLogprobs> of =
        spec.logprobs() < 0
            ? List.of()
            : IntStream.range(0, tokens).mapToObj(i -> logprobs(spec.logprobs())).toList();
    List<TokenLogprobs> prompt =
        spec.promptLogprobs()
            ? Collections.nCopies(spec.promptTokens().length - 1, logprobs(spec.logprobs()))
            : List.of();
    Handover handover =
        new Handover(
            "r",
            1,
            0,
            random.ints(tokens, 70_000, 150_000).toArray(),
            of,
            prompt,
            Optional.empty());
    return Math.max(
        size(new RequestActor.Submit(spec, kit.<RequestActor.Reply>createTestProbe().getRef())),
        Math.max(
            size(new SchedulerActor.Admit(admission, owner)),
            size(
                new RequestActor.Generated(
                    handover, kit.<SchedulerActor.Command>createTestProbe().getRef()))));
  }

  @Test
  @DisplayName("H17 no message is larger than what a request was accepted for")
  void theBoundHolds() {
    for (int logprobs : new int[] {-1, 0, 1, 20}) {
      for (int prompt : new int[] {1, 100, 3_000}) {
        RequestSpec spec =
            spec(prompt).maxTokens(2_000).logprobs(logprobs).promptLogprobs(logprobs >= 0).build();
        assertThat((long) largest(spec))
            .as(prompt + " tokens with " + logprobs)
            .isLessThanOrEqualTo(MessageSize.most(spec, LIMITS));
      }
    }
  }

  @Test
  @DisplayName("H17 the longest context fits, and what might not fit is refused with both figures")
  void whatDoesNotFitIsRefused() {
    RequestSpec longest = spec(CONTEXT - 1).maxTokens(1).build();
    assertThat(MessageSize.refusal(longest, LIMITS)).isEmpty();
    assertThat(largest(longest)).isGreaterThan(500_000);
    RequestSpec logprobs = spec(3_000).maxTokens(100_000).logprobs(20).build();
    assertThat(MessageSize.refusal(logprobs, LIMITS)).isEmpty();
    RequestSpec tooMuch = spec(CONTEXT - 1).maxTokens(1).logprobs(20).promptLogprobs(true).build();
    assertThat(MessageSize.refusal(tooMuch, LIMITS).orElseThrow())
        .contains("expected at most 2093056")
        .contains("maximum-large-frame-size");
  }
}
