package dev.cairn.server.cli;

import dev.cairn.actors.RequestView;
import dev.cairn.model.TextStream;
import dev.cairn.persistence.FinishReason;
import dev.cairn.request.Snapshot;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;

/** Follows a request of this process. */
final class ShownText {
  private ShownText() {}

  /**
   * Hands over the text as it becomes safe to show, until the request ends.
   *
   * @throws IllegalStateException where it ends by an error, with what went wrong
   */
  static Snapshot follow(RequestView view, TextStream text, Consumer<String> show)
      throws InterruptedException {
    Semaphore changed = new Semaphore(1);
    RequestView.Subscription subscription = view.subscribe(changed::release);
    try {
      while (true) {
        changed.acquire();
        changed.drainPermits();
        Snapshot now = view.snapshot();
        while (text.tokens() < now.tokens().size() && !text.stopped()) {
          text.append(now.tokens().get(text.tokens()));
        }
        if (now.finish().isPresent()) {
          text.finish();
        }
        show.accept(text.drain());
        if (now.finish().isPresent()) {
          failOnError(now.finish().get());
          return now;
        }
      }
    } finally {
      subscription.cancel();
    }
  }

  private static void failOnError(Snapshot.Finish finish) {
    if (finish.reason() == FinishReason.ERROR) {
      throw new IllegalStateException(finish.detail());
    }
  }
}
