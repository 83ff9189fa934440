package dev.cairn.actors;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.RequestState;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class RequestViewTest {
  private final Logger logger = (Logger) LoggerFactory.getLogger(RequestViewTest.class);
  private final ListAppender<ILoggingEvent> log = new ListAppender<>();

  @BeforeEach
  void listen() {
    logger.setAdditive(false);
    logger.addAppender(log);
    log.start();
  }

  @AfterEach
  void leave() {
    logger.detachAppender(log);
  }

  private static RequestState state(RequestEvent... events) {
    RequestState state = RequestState.NONE;
    for (RequestEvent each : events) {
      state = state.apply(each);
    }
    return state;
  }

  @Test
  @DisplayName("H1 H6 a reader that throws at the end is logged once, and the result stands")
  void aReaderThrows() {
    RequestSpec spec =
        RequestSpec.of("one", "m", "f", new int[] {11})
            .submittedAtMillis(5L)
            .maxTokens(4)
            .seed(3L)
            .build();
    RequestEvent accepted = new RequestEvent.Accepted(spec);
    RequestEvent finished =
        new RequestEvent.Finished("one", 0, 0, FinishReason.CANCELLED, "cancelled");
    RequestView view = new RequestView(spec, state(accepted).snapshot());
    AtomicInteger before = new AtomicInteger();
    AtomicInteger after = new AtomicInteger();
    view.subscribe(before::incrementAndGet);
    view.subscribe(
        () -> {
          throw new IllegalStateException("the sink is gone");
        });
    view.subscribe(after::incrementAndGet);

    view.publish(state(accepted, finished).snapshot(), logger);
    view.publish(state(accepted, finished).snapshot(), logger);

    assertThat(view.snapshot().finish().orElseThrow().reason()).isEqualTo(FinishReason.CANCELLED);
    assertThat(before).hasValue(2);
    assertThat(after).hasValue(2);
    assertThat(view.readers()).isEqualTo(2);
    assertThat(log.list).singleElement().satisfies(RequestViewTest::assertSaysWhy);
  }

  private static void assertSaysWhy(ILoggingEvent event) {
    assertThat(event.getLevel()).isEqualTo(Level.ERROR);
    assertThat(event.getFormattedMessage()).contains("a reader of request one failed");
    assertThat(event.getThrowableProxy().getMessage()).isEqualTo("the sink is gone");
  }
}
