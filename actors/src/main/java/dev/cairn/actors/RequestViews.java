package dev.cairn.actors;

import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.Snapshot;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The views of a node: of the requests whose actors live here, and of those that live elsewhere and
 * have readers here. Readers hold on to a view while its request moves: there is one a request, and
 * whoever has news of the request feeds it. Safe for any number of threads.
 */
public final class RequestViews {
  private static final Logger LOG = LoggerFactory.getLogger(RequestViews.class);

  /** Who follows requests that do not live here, and tells others of those that do. */
  interface Relay {
    /** Nobody is there. */
    Relay NONE = new Relay() {};

    /** A request has come to live here. */
    default void arrived(String requestId) {}

    /** A request lives here no longer. */
    default void left(String requestId) {}

    /** A view has a reader and nobody who feeds it. */
    default void unfed(RequestView view) {}
  }

  private record Entry(RequestView view, boolean owned) {}

  private final Map<String, Entry> views = new ConcurrentHashMap<>();
  private volatile Relay relay = Relay.NONE;

  /** From now on this relay is told. */
  void relay(Relay told) {
    relay = told;
  }

  /** The view of a request, wherever it lives; empty where nobody feeds one here. */
  public Optional<RequestView> find(String requestId) {
    return Optional.ofNullable(views.get(requestId)).map(Entry::view);
  }

  /** Those of the requests that live here at this moment. */
  public Collection<RequestView> all() {
    return views.values().stream().filter(Entry::owned).map(Entry::view).toList();
  }

  /** The view of a request whose actor lives here. */
  public Optional<RequestView> owned(String requestId) {
    return Optional.ofNullable(views.get(requestId)).filter(Entry::owned).map(Entry::view);
  }

  /** A request's actor lives here from now on, and feeds its view. */
  RequestView own(RequestSpec spec, Snapshot now) {
    String id = spec.id();
    RequestView view =
        views
            .compute(
                id,
                (key, before) -> {
                  RequestView same = before == null ? view(spec, now) : before.view();
                  same.publish(now, LOG);
                  return new Entry(same, true);
                })
            .view();
    relay.arrived(id);
    return view;
  }

  /** A request's actor has stopped: its view goes, or the relay takes it over for its readers. */
  void disown(RequestView view) {
    String id = view.spec().id();
    if (views.remove(id, new Entry(view, true))) {
      relay.left(id);
      if (view.readers() > 0) {
        read(view);
      }
    }
  }

  /** A snapshot of a request that lives elsewhere. */
  RequestView follow(RequestSpec spec, Snapshot now) {
    return views.computeIfAbsent(spec.id(), id -> new Entry(view(spec, now), false)).view();
  }

  /** Has a view fed by the relay, if no other one of its request is fed. */
  boolean follow(RequestView view) {
    Entry before = views.putIfAbsent(view.spec().id(), new Entry(view, false));
    return before == null || before.view() == view;
  }

  /** The relay feeds a view no longer. */
  void unfollow(String requestId) {
    views.computeIfPresent(requestId, (id, entry) -> entry.owned() ? entry : null);
  }

  /** Views of unfinished requests that the relay feeds. */
  List<RequestView> followed() {
    return views.values().stream()
        .filter(entry -> !entry.owned() && entry.view().snapshot().finish().isEmpty())
        .map(Entry::view)
        .toList();
  }

  private RequestView view(RequestSpec spec, Snapshot now) {
    return new RequestView(spec, now, this::read);
  }

  /** A reader came to a view, which perhaps nobody feeds any more. */
  private void read(RequestView view) {
    if (view.snapshot().finish().isPresent()) {
      return;
    }
    Entry fed = views.get(view.spec().id());
    if (fed == null) {
      relay.unfed(view);
    } else if (fed.view() != view) {
      mirror(view, fed.view());
    }
  }

  /** Another view of the request is fed: this one shows what it shows, while it has readers. */
  private static void mirror(RequestView view, RequestView fed) {
    class Mirror implements Runnable {
      private volatile RequestView.Subscription subscription = () -> {};

      @Override
      public void run() {
        Snapshot now = fed.snapshot();
        view.publish(now, LOG);
        if (view.readers() == 0 || now.finish().isPresent()) {
          subscription.cancel();
        }
      }
    }
    Mirror mirror = new Mirror();
    mirror.subscription = fed.subscribe(mirror);
    mirror.run();
  }

  /** Views that are here. */
  public int size() {
    return views.size();
  }

  /** Readers of views that are here. */
  public int readers() {
    return views.values().stream().mapToInt(entry -> entry.view().readers()).sum();
  }
}
