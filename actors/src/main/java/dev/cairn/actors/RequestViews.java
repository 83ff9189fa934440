package dev.cairn.actors;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** Views of the requests whose actors live on this node. An entry lives as long as its actor. */
public final class RequestViews {
  private final Map<String, RequestView> views = new ConcurrentHashMap<>();

  public Optional<RequestView> find(String requestId) {
    return Optional.ofNullable(views.get(requestId));
  }

  /** Those that are here at this moment. */
  public Collection<RequestView> all() {
    return List.copyOf(views.values());
  }

  void add(String requestId, RequestView view) {
    views.put(requestId, view);
  }

  void remove(String requestId, RequestView view) {
    views.remove(requestId, view);
  }

  /** Views that are here. */
  public int size() {
    return views.size();
  }

  /** Readers of views that are here. */
  public int readers() {
    return views.values().stream().mapToInt(RequestView::readers).sum();
  }
}
