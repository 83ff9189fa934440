package dev.cairn.actors;

import dev.cairn.request.Snapshot;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** Waits for what a request's view shows. */
public final class ViewProbe {
  private static final long LONGEST_SECONDS = 60;

  private ViewProbe() {}

  /** Waits until the request has ended. */
  public static RequestView finished(RequestView view) throws Exception {
    return until(view, snapshot -> snapshot.finish().isPresent());
  }

  /** Waits until so many tokens are committed. */
  public static RequestView tokens(RequestView view, int count) throws Exception {
    return until(view, snapshot -> snapshot.tokens().size() >= count);
  }

  private static RequestView until(RequestView view, Predicate<Snapshot> holds) throws Exception {
    CompletableFuture<Void> done = new CompletableFuture<>();
    Runnable look =
        () -> {
          if (holds.test(view.snapshot())) {
            done.complete(null);
          }
        };
    RequestView.Subscription subscription = view.subscribe(look);
    try {
      look.run();
      done.get(LONGEST_SECONDS, TimeUnit.SECONDS);
    } finally {
      subscription.cancel();
    }
    return view;
  }
}
