package dev.cairn.relay;

import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.Snapshot;
import dev.cairn.request.Update;
import dev.cairn.request.Want;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * The owner's side of a relay: which nodes follow which of the requests that live here, and what
 * each of them has. Pure: times are passed in, and what there is to send is asked for.
 *
 * <p>Holds an entry for each request that lives here and each node that follows it. An entry goes
 * with its request, with its follower, when it is dropped, when the follower took the end, and when
 * it was not asked for again in time.
 *
 * @param <R> what stands for a follower
 */
public final class Feed<R> {
  /**
   * A request that lives here.
   *
   * @param spec what was asked for
   * @param snapshot what is committed
   */
  public record Owned(RequestSpec spec, Snapshot snapshot) {}

  /**
   * A batch for a follower.
   *
   * @param follower where it goes
   * @param news the batch
   */
  public record Batch<R>(R follower, News news) {}

  /**
   * Bounds of a feed.
   *
   * @param batchBytes about how large a batch may be
   * @param leaseNanos how long an entry lives that nobody asks for again
   */
  public record Limits(int batchBytes, long leaseNanos) {}

  private static final class Entry {
    Want has;
    long untilNanos;
    Optional<Update.Head> head = Optional.empty();
    long headSince;
  }

  private static final class Link {
    final long incarnation;
    long round;
    long untilNanos;

    /** Whether the newest pull may still be answered. */
    boolean open;

    /** Whether it has to be, even with nothing. */
    boolean due;

    final Map<String, Entry> entries = new HashMap<>();
    final LinkedHashSet<String> changed = new LinkedHashSet<>();
    final LinkedHashSet<String> notHere = new LinkedHashSet<>();
    final LinkedHashSet<String> behind = new LinkedHashSet<>();

    Link(long incarnation) {
      this.incarnation = incarnation;
    }
  }

  private final Limits limits;
  private final Function<String, Optional<Owned>> owned;
  private final Map<R, Link> links = new HashMap<>();
  private final Map<String, Set<R>> followers = new HashMap<>();

  /**
   * @param owned the request of an id, where it lives here
   */
  public Feed(Limits limits, Function<String, Optional<Owned>> owned) {
    this.limits = limits;
    this.owned = owned;
  }

  /** A follower asks for its next batch. */
  public void pull(R follower, Pull pull, long nowNanos) {
    Link link = links.get(follower);
    if (link != null && link.incarnation != pull.incarnation()) {
      gone(follower);
      link = null;
    }
    if (link == null) {
      link = new Link(pull.incarnation());
      links.put(follower, link);
    } else if (pull.round() <= link.round) {
      return;
    }
    link.round = pull.round();
    link.untilNanos = nowNanos + limits.leaseNanos();
    link.open = true;
    link.due |= !pull.wants().isEmpty();
    for (String dropped : pull.drops()) {
      drop(follower, link, dropped);
    }
    for (Want want : pull.wants()) {
      want(follower, link, want, nowNanos);
    }
  }

  private void want(R follower, Link link, Want want, long nowNanos) {
    String id = want.requestId();
    Optional<Owned> here = owned.apply(id);
    if (here.isEmpty()) {
      drop(follower, link, id);
      link.notHere.add(id);
      return;
    }
    if (want.isAheadOf(here.get().snapshot())) {
      drop(follower, link, id);
      link.behind.add(id);
      return;
    }
    link.notHere.remove(id);
    Entry entry = link.entries.computeIfAbsent(id, unused -> new Entry());
    entry.has = want;
    entry.head = Optional.empty();
    entry.untilNanos = nowNanos + limits.leaseNanos();
    followers.computeIfAbsent(id, unused -> new HashSet<>()).add(follower);
    link.changed.add(id);
  }

  /** A request that may be followed shows something new. */
  public void changed(String requestId) {
    for (R follower : followers.getOrDefault(requestId, Set.of())) {
      links.get(follower).changed.add(requestId);
    }
  }

  /** A request lives here no longer; its followers hear of it. */
  public void left(String requestId) {
    for (R follower : List.copyOf(followers.getOrDefault(requestId, Set.of()))) {
      Link link = links.get(follower);
      drop(follower, link, requestId);
      link.notHere.add(requestId);
      link.due = true;
    }
  }

  /** Whether any node follows a request. */
  public boolean isFollowed(String requestId) {
    return followers.containsKey(requestId);
  }

  /** A follower is gone, with all that it followed. */
  public void gone(R follower) {
    Link link = links.remove(follower);
    if (link != null) {
      for (String id : link.entries.keySet()) {
        unfollow(follower, id);
      }
    }
  }

  /** Forgets what was not asked for again in time. */
  public void tick(long nowNanos) {
    for (R follower : List.copyOf(links.keySet())) {
      Link link = links.get(follower);
      if (link.untilNanos - nowNanos < 0) {
        gone(follower);
      } else {
        link.entries.entrySet().stream()
            .filter(each -> each.getValue().untilNanos - nowNanos < 0)
            .map(Map.Entry::getKey)
            .toList()
            .forEach(id -> drop(follower, link, id));
      }
    }
  }

  /** The batches that may be sent now; each of them answers a pull. */
  public List<Batch<R>> take() {
    List<Batch<R>> batches = new ArrayList<>();
    links.forEach(
        (follower, link) -> {
          if (link.open && (link.due || !link.changed.isEmpty())) {
            List<Update> updates = updates(follower, link);
            if (link.due || !updates.isEmpty()) {
              News news =
                  new News(
                      link.incarnation,
                      link.round,
                      updates,
                      List.copyOf(link.notHere),
                      List.copyOf(link.behind));
              link.notHere.clear();
              link.behind.clear();
              link.open = false;
              link.due = false;
              batches.add(new Batch<>(follower, news));
            }
          }
        });
    return batches;
  }

  private List<Update> updates(R follower, Link link) {
    List<Update> updates = new ArrayList<>();
    int room = limits.batchBytes();
    List<String> ended = new ArrayList<>();
    List<String> again = new ArrayList<>();
    Iterator<String> each = link.changed.iterator();
    while (each.hasNext() && room > 0) {
      String id = each.next();
      each.remove();
      Entry entry = link.entries.get(id);
      Optional<Owned> here = owned.apply(id);
      if (here.isEmpty() || !entry.has.isNews(here.get().snapshot())) {
        continue;
      }
      Update update = next(entry, here.get(), room);
      updates.add(update);
      room -= update.bytes();
      entry.has = entry.has.after(update);
      if (!update.whole()) {
        again.add(id);
      } else if (here.get().snapshot().finish().isPresent()) {
        ended.add(id);
      }
    }
    link.changed.addAll(again);
    ended.forEach(id -> drop(follower, link, id));
    return updates;
  }

  private static Update next(Entry entry, Owned here, int room) {
    Update update = Update.cut(here.spec(), here.snapshot(), entry.has, room);
    if (update.whole()) {
      if (entry.head.equals(update.head())) {
        return update.sameHeadSince(entry.headSince);
      }
      entry.head = update.head();
      entry.headSince = update.version();
    }
    return update;
  }

  private void drop(R follower, Link link, String requestId) {
    link.changed.remove(requestId);
    if (link.entries.remove(requestId) != null) {
      unfollow(follower, requestId);
    }
  }

  private void unfollow(R follower, String requestId) {
    followers.computeIfPresent(
        requestId,
        (id, all) -> {
          all.remove(follower);
          return all.isEmpty() ? null : all;
        });
  }

  /** Pairs of a request and a node that follows it. */
  public int followed() {
    return links.values().stream().mapToInt(link -> link.entries.size()).sum();
  }

  /** Nodes that follow something or did so lately. */
  public int followers() {
    return links.size();
  }
}
