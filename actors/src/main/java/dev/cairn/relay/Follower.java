package dev.cairn.relay;

import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.RequestCopy;
import dev.cairn.request.Update;
import dev.cairn.request.Want;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * The readers' side of a relay: copies of requests that live on other nodes, and where each of them
 * is asked for. Pure: times are passed in, and what is to be done is told to {@link Effects}.
 *
 * <p>Nothing here waits for one message. A request that has not been heard of for {@link
 * Limits#resyncNanos} is asked for again from exactly where its copy is; an owner that leaves
 * {@link Limits#maxUnanswered} such questions unanswered is looked up again, as is one that does
 * not own the request, has less of it than is shown, or is gone.
 *
 * @param <R> what stands for an owner's node
 */
public final class Follower<R> {
  /** What a follower has done. */
  public interface Effects<R> {
    /** Sends a question. */
    void pull(R owner, Pull pull);

    /** Looks for the owner of a request; answered by {@link #located} or {@link #notLocated}. */
    void locate(String requestId);

    /** A copy has more to show. */
    void show(RequestSpec spec, RequestCopy copy);

    /** A request is not followed, because what it may become does not fit. */
    void refuse(String requestId);

    /** An owner contradicts what was shown; it is not believed. */
    void contradicted(R owner, String requestId, String what);
  }

  /**
   * Bounds of a follower.
   *
   * @param maxFollowed most requests
   * @param maxBytes most memory that the copies may come to take
   * @param maxWants most requests that one question names
   * @param maxLocates most owners that are looked up at the same time
   * @param resyncNanos silence after which a request is asked for again
   * @param maxUnanswered questions in a row that an owner may leave unanswered
   */
  public record Limits(
      int maxFollowed,
      long maxBytes,
      int maxWants,
      int maxLocates,
      long resyncNanos,
      int maxUnanswered) {}

  private enum Phase {
    /** Its owner is being looked up, or will be when others have been. */
    SEEKING,
    /** Its owner will be looked up after a pause. */
    RESTING,
    /** An owner is asked for it. */
    FOLLOWING,
    /** It ended; nothing more comes. */
    ENDED
  }

  private static final class Entry<R> {
    RequestCopy copy;
    Phase phase = Phase.SEEKING;
    Optional<R> owner = Optional.empty();
    long heardNanos;

    /** Owners in a row that did not own it. */
    int misses;

    long bytes;

    Entry(RequestCopy copy) {
      this.copy = copy;
    }
  }

  private static final class Link {
    final Set<String> entries = new HashSet<>();
    final LinkedHashSet<String> wants = new LinkedHashSet<>();
    final LinkedHashSet<String> drops = new LinkedHashSet<>();

    /** What the last question named; empty when it was answered. */
    final LinkedHashSet<String> asked = new LinkedHashSet<>();

    long askedRound;
    long askedNanos;
    long lastRound;
    int unanswered;

    /** Whether the owner has answered the last question and waits for another. */
    boolean answered;
  }

  private final Limits limits;
  private final long incarnation;
  private final Effects<R> effects;
  private final Map<String, Entry<R>> entries = new HashMap<>();
  private final Map<R, Link> links = new HashMap<>();
  private final Deque<String> toLocate = new ArrayDeque<>();
  private final Set<String> locating = new HashSet<>();
  private long round;
  private long bytes;

  /**
   * @param incarnation different for each follower that the same owners may see under one name
   */
  public Follower(Limits limits, long incarnation, Effects<R> effects) {
    this.limits = limits;
    this.incarnation = incarnation;
    this.effects = effects;
  }

  /**
   * Follows a request, or goes on with it at this owner.
   *
   * @return whether it does; false where as many as may be are followed
   */
  public boolean follow(String requestId, R owner, long nowNanos) {
    Entry<R> entry = entries.get(requestId);
    if (entry == null) {
      if (entries.size() >= limits.maxFollowed()) {
        return false;
      }
      entry = new Entry<>(new RequestCopy(requestId));
      entries.put(requestId, entry);
    }
    if (entry.phase != Phase.ENDED && !entry.owner.equals(Optional.of(owner))) {
      attach(requestId, entry, owner, nowNanos);
    }
    flush(nowNanos);
    return true;
  }

  /**
   * Goes on with a request that was shown here and lives here no longer; a bound that is reached
   * does not matter, for its readers were promised it.
   */
  public void adopt(RequestCopy copy, long nowNanos) {
    String requestId = copy.want().requestId();
    if (!entries.containsKey(requestId)) {
      Entry<R> entry = new Entry<>(copy);
      entries.put(requestId, entry);
      copy.spec().ifPresent(spec -> reserve(entry, spec));
      seek(requestId, entry);
    }
    flush(nowNanos);
  }

  /** Follows a request no longer, if it did. */
  public void drop(String requestId, long nowNanos) {
    Entry<R> entry = entries.remove(requestId);
    if (entry != null) {
      bytes -= entry.bytes;
      detach(requestId, entry);
      flush(nowNanos);
    }
  }

  /** The owner of a request was found. */
  public void located(String requestId, R owner, long nowNanos) {
    locating.remove(requestId);
    Entry<R> entry = entries.get(requestId);
    if (entry != null && entry.phase == Phase.SEEKING) {
      attach(requestId, entry, owner, nowNanos);
    }
    flush(nowNanos);
  }

  /** The owner of a request was not found; it is looked up again after a pause. */
  public void notLocated(String requestId, long nowNanos) {
    locating.remove(requestId);
    Entry<R> entry = entries.get(requestId);
    if (entry != null && entry.phase == Phase.SEEKING) {
      rest(requestId, entry, nowNanos);
    }
    flush(nowNanos);
  }

  /** A node is gone, and with it what it owned. */
  public void gone(R owner, long nowNanos) {
    seekAll(owner);
    flush(nowNanos);
  }

  /** An owner answers. */
  public void news(R owner, News news, long nowNanos) {
    for (Update update : news.updates()) {
      take(owner, update, nowNanos);
    }
    Link link = links.get(owner);
    if (link != null && news.incarnation() == incarnation) {
      link.unanswered = 0;
      link.answered |= news.round() == link.lastRound;
      if (news.round() >= link.askedRound) {
        for (String id : link.asked) {
          Entry<R> entry = entries.get(id);
          if (entry != null) {
            entry.heardNanos = nowNanos;
          }
        }
        link.asked.clear();
      }
      news.notHere().forEach(id -> miss(owner, id, nowNanos));
      news.behind().forEach(id -> disbelieve(owner, id, "has less than was shown", nowNanos));
    }
    flush(nowNanos);
  }

  private void take(R owner, Update update, long nowNanos) {
    String id = update.requestId();
    Entry<R> entry = entries.get(id);
    if (entry == null || entry.phase == Phase.ENDED) {
      return;
    }
    boolean current = entry.owner.equals(Optional.of(owner));
    boolean hadSpec = entry.copy.spec().isPresent();
    RequestCopy.Taken taken = entry.copy.take(update);
    if (!hadSpec && entry.copy.spec().isPresent()) {
      reserve(entry, entry.copy.spec().get());
      if (bytes > limits.maxBytes()) {
        drop(id, nowNanos);
        effects.refuse(id);
        return;
      }
    }
    if (current) {
      entry.heardNanos = nowNanos;
      entry.misses = 0;
    }
    switch (taken) {
      case GREW -> show(id, entry);
      case GAP -> {
        if (current) {
          links.get(owner).wants.add(id);
        }
      }
      case CONTRADICTION -> disbelieve(owner, id, "takes back what was shown", nowNanos);
      case KNOWN -> {}
    }
  }

  private void show(String requestId, Entry<R> entry) {
    if (entry.copy.snapshot().finish().isPresent()) {
      detach(requestId, entry);
      entry.phase = Phase.ENDED;
    }
    effects.show(entry.copy.spec().orElseThrow(), entry.copy);
  }

  private void miss(R owner, String requestId, long nowNanos) {
    Entry<R> entry = entries.get(requestId);
    if (entry != null && entry.owner.equals(Optional.of(owner))) {
      detach(requestId, entry);
      if (entry.misses++ == 0) {
        seek(requestId, entry);
      } else {
        rest(requestId, entry, nowNanos);
      }
    }
  }

  private void disbelieve(R owner, String requestId, String what, long nowNanos) {
    Entry<R> entry = entries.get(requestId);
    if (entry != null && entry.phase != Phase.ENDED) {
      effects.contradicted(owner, requestId, what);
      if (entry.owner.equals(Optional.of(owner))) {
        detach(requestId, entry);
        rest(requestId, entry, nowNanos);
      }
    }
  }

  /** Time has passed: asks again for what was not heard of. */
  public void tick(long nowNanos) {
    for (R owner : List.copyOf(links.keySet())) {
      Link link = links.get(owner);
      if (!link.asked.isEmpty() && nowNanos - link.askedNanos >= limits.resyncNanos()) {
        link.wants.addAll(link.asked);
        link.asked.clear();
        if (++link.unanswered >= limits.maxUnanswered()) {
          seekAll(owner);
          continue;
        }
      }
      for (String id : link.entries) {
        Entry<R> entry = entries.get(id);
        if (nowNanos - entry.heardNanos >= limits.resyncNanos() && !link.asked.contains(id)) {
          link.wants.add(id);
        }
      }
    }
    entries.forEach(
        (id, entry) -> {
          if (entry.phase == Phase.RESTING && nowNanos - entry.heardNanos >= limits.resyncNanos()) {
            seek(id, entry);
          }
        });
    flush(nowNanos);
  }

  private void seekAll(R owner) {
    Link link = links.remove(owner);
    if (link != null) {
      for (String id : link.entries) {
        Entry<R> entry = entries.get(id);
        entry.owner = Optional.empty();
        seek(id, entry);
      }
    }
  }

  private void seek(String requestId, Entry<R> entry) {
    entry.phase = Phase.SEEKING;
    toLocate.add(requestId);
  }

  private void rest(String requestId, Entry<R> entry, long nowNanos) {
    detach(requestId, entry);
    entry.phase = Phase.RESTING;
    entry.heardNanos = nowNanos;
  }

  private void attach(String requestId, Entry<R> entry, R owner, long nowNanos) {
    detach(requestId, entry);
    entry.phase = Phase.FOLLOWING;
    entry.owner = Optional.of(owner);
    entry.heardNanos = nowNanos;
    Link link = links.computeIfAbsent(owner, unused -> new Link());
    link.entries.add(requestId);
    link.drops.remove(requestId);
    link.wants.add(requestId);
  }

  private void detach(String requestId, Entry<R> entry) {
    Link link = entry.owner.map(links::get).orElse(null);
    if (link != null && link.entries.remove(requestId)) {
      link.wants.remove(requestId);
      link.asked.remove(requestId);
      link.drops.add(requestId);
    }
    entry.owner = Optional.empty();
  }

  private void reserve(Entry<R> entry, RequestSpec spec) {
    entry.bytes = mostBytes(spec);
    bytes += entry.bytes;
  }

  /** Memory that a copy of a request may come to take, in bytes. */
  static long mostBytes(RequestSpec spec) {
    long perLogprob = 48 + 8L * Math.max(0, spec.logprobs());
    long prompt = spec.promptTokens().length;
    return 1024
        + prompt * (4 + (spec.promptLogprobs() ? perLogprob : 0))
        + 2L * spec.maxTokens() * (4 + (spec.logprobs() >= 0 ? perLogprob : 0));
  }

  /** Sends what there is to ask, and looks up as many owners as may be. */
  private void flush(long nowNanos) {
    for (Iterator<Map.Entry<R, Link>> each = links.entrySet().iterator(); each.hasNext(); ) {
      Map.Entry<R, Link> owner = each.next();
      Link link = owner.getValue();
      boolean asks = !link.wants.isEmpty() && link.asked.isEmpty();
      if (asks || link.answered || link.entries.isEmpty()) {
        effects.pull(owner.getKey(), pull(link, nowNanos));
      }
      if (link.entries.isEmpty()) {
        each.remove();
      }
    }
    while (locating.size() < limits.maxLocates() && !toLocate.isEmpty()) {
      String id = toLocate.remove();
      Entry<R> entry = entries.get(id);
      if (entry != null && entry.phase == Phase.SEEKING && locating.add(id)) {
        effects.locate(id);
      }
    }
  }

  private Pull pull(Link link, long nowNanos) {
    List<Want> wants = new ArrayList<>();
    if (link.asked.isEmpty()) {
      Iterator<String> each = link.wants.iterator();
      while (each.hasNext() && wants.size() < limits.maxWants()) {
        String id = each.next();
        each.remove();
        wants.add(Objects.requireNonNull(entries.get(id)).copy.want());
        link.asked.add(id);
      }
    }
    List<String> drops = link.drops.stream().limit(limits.maxWants()).toList();
    drops.forEach(link.drops::remove);
    round++;
    link.lastRound = round;
    link.answered = false;
    if (!wants.isEmpty()) {
      link.askedRound = round;
      link.askedNanos = nowNanos;
    }
    return new Pull(incarnation, round, wants, drops);
  }

  /** Ids of the requests that are followed, or whose copies are kept. */
  public Set<String> requests() {
    return Set.copyOf(entries.keySet());
  }

  /** How many these are. */
  public int followed() {
    return entries.size();
  }

  /** Memory that the copies may come to take, in bytes. */
  public long bytes() {
    return bytes;
  }
}
