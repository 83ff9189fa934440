package dev.cairn.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.model.TokenLogprobs;
import dev.cairn.persistence.EventFormatException;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.RequestCopy;
import dev.cairn.request.RequestState;
import dev.cairn.request.Snapshot;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;

/**
 * Nodes with a feed and a follower each, requests that run and move between them, and a network
 * that loses, repeats and reorders what it carries. Time is in milliseconds and passes when told.
 */
final class RelayWorld {
  static final long RESYNC = 200;
  static final long LEASE = 2_000;

  /** Something that happens at a time. */
  private record Event(long at, long order, Runnable what) {}

  final Random random;
  final List<Node> nodes = new ArrayList<>();
  final Map<String, RequestState> journal = new TreeMap<>();

  /** Versions and sizes of all snapshots that there were. */
  private final Map<String, Set<String>> history = new HashMap<>();

  final Map<String, Integer> owners = new HashMap<>();
  private final PriorityQueue<Event> events =
      new PriorityQueue<>(
          (a, b) -> a.at != b.at ? Long.compare(a.at, b.at) : Long.compare(a.order, b.order));
  private final Feed.Limits feedLimits;
  private final Follower.Limits followerLimits;
  private long order;
  private long incarnations;
  long now;
  double loss;
  double repetition;
  int mostDelay = 1;
  int messages;
  int contradictions;

  RelayWorld(long seed, int nodeCount, int batchBytes, int maxWants) {
    random = new Random(seed);
    feedLimits = new Feed.Limits(batchBytes, LEASE);
    followerLimits = new Follower.Limits(1_000, 1L << 40, maxWants, 4, RESYNC, 3);
    for (int i = 0; i < nodeCount; i++) {
      nodes.add(new Node(i));
    }
  }

  final class Node implements Follower.Effects<Integer> {
    final int name;

    /** What it shows of the requests that it owns. */
    final Map<String, Snapshot> owned = new HashMap<>();

    final Map<String, Snapshot> shown = new HashMap<>();

    /** Requests that somebody reads here, wherever they live. */
    final Set<String> read = new HashSet<>();

    Feed<Integer> feed;
    Follower<Integer> follower;

    Node(int name) {
      this.name = name;
      restart();
    }

    /** Its relay begins anew, as after a failure; what was shown stays shown. */
    void restart() {
      feed = new Feed<>(feedLimits, this::here);
      follower = new Follower<>(followerLimits, incarnations++, this);
      for (String id : read) {
        if (!owned.containsKey(id)) {
          adopt(id);
        }
      }
    }

    private void adopt(String id) {
      Snapshot snapshot = shown.get(id);
      if (snapshot == null) {
        follower.adopt(new RequestCopy(id), now);
      } else if (snapshot.finish().isEmpty()) {
        follower.adopt(new RequestCopy(spec(id), snapshot), now);
      }
    }

    private Optional<Feed.Owned> here(String id) {
      return Optional.ofNullable(owned.get(id)).map(snapshot -> new Feed.Owned(spec(id), snapshot));
    }

    void publish(String id) {
      owned.put(id, journal.get(id).snapshot());
      feed.changed(id);
      send();
    }

    void send() {
      for (Feed.Batch<Integer> batch : feed.take()) {
        byte[] bytes = RelayCodec.encode(batch.news());
        Node to = nodes.get(batch.follower());
        deliver(() -> to.follower.news(name, decoded(bytes), now));
      }
    }

    private News decoded(byte[] bytes) {
      try {
        return RelayCodec.news(bytes);
      } catch (EventFormatException e) {
        throw new AssertionError(e);
      }
    }

    @Override
    public void pull(Integer owner, Pull pull) {
      byte[] bytes = RelayCodec.encode(pull);
      deliver(
          () -> {
            try {
              nodes.get(owner).feed.pull(name, RelayCodec.pull(bytes), now);
            } catch (EventFormatException e) {
              throw new AssertionError(e);
            }
            nodes.get(owner).send();
          });
    }

    @Override
    public void locate(String requestId) {
      Follower<Integer> asker = follower;
      after(
          1 + random.nextInt(50),
          () -> {
            int owner = owners.get(requestId);
            if (owner < 0 || owner == name || random.nextDouble() < loss) {
              asker.notLocated(requestId, now);
            } else {
              asker.located(requestId, owner, now);
            }
          });
    }

    @Override
    public void show(RequestSpec spec, RequestCopy copy) {
      Snapshot before = shown.put(spec.id(), copy.snapshot());
      Snapshot after = copy.snapshot();
      assertThat(spec).isEqualTo(spec(spec.id()));
      assertIsTrue(spec.id(), after);
      assertThat(history.get(spec.id())).contains(after.version() + "/" + after.tokens().size());
      if (before != null) {
        assertThat(after.tokens().size()).isGreaterThanOrEqualTo(before.tokens().size());
        assertThat(after.version()).isGreaterThan(before.version());
        assertThat(before.finish()).isEmpty();
      }
    }

    @Override
    public void refuse(String requestId) {
      throw new AssertionError("refused " + requestId);
    }

    @Override
    public void contradicted(Integer owner, String requestId, String what) {
      // An owner that does not know yet that it lost the request has less than its reader.
      Snapshot there = nodes.get(owner).owned.get(requestId);
      assertThat(there == null || there.version() < journal.get(requestId).version())
          .as(what)
          .isTrue();
      contradictions += what.contains("takes back") ? 1 : 0;
    }
  }

  private void remember(String id) {
    RequestState state = journal.get(id);
    history
        .computeIfAbsent(id, unused -> new HashSet<>())
        .add(state.version() + "/" + state.tokens().size());
  }

  /** Everything that is shown was committed. */
  void assertIsTrue(String id, Snapshot shown) {
    RequestState state = journal.get(id);
    assertThat(shown.version()).isLessThanOrEqualTo(state.version());
    assertThat(shown.tokens().size()).isLessThanOrEqualTo(state.tokens().size());
    for (int i = 0; i < shown.tokens().size(); i++) {
      assertThat(shown.tokens().get(i)).isEqualTo(state.tokens().get(i));
      if (spec(id).logprobs() >= 0) {
        assertThat(shown.tokens().logprobs(i).logprob())
            .isEqualTo(state.tokens().logprobs(i).logprob());
      }
    }
    if (shown.tokens().size() > 0 && spec(id).promptLogprobs()) {
      assertThat(shown.promptLogprobs()).hasSameSizeAs(state.promptLogprobs());
    }
    if (shown.finish().isPresent()) {
      assertThat(shown.finish()).isEqualTo(state.finish());
      assertThat(shown.tokens().size()).isEqualTo(state.tokens().size());
      assertThat(shown.attempts()).isEqualTo(state.attempts());
    }
  }

  RequestSpec spec(String id) {
    return journal.get(id).spec().orElseThrow();
  }

  private void deliver(Runnable what) {
    messages++;
    if (random.nextDouble() < loss) {
      return;
    }
    after(1 + random.nextInt(mostDelay), what);
    while (random.nextDouble() < repetition) {
      after(1 + random.nextInt(mostDelay * 20), what);
    }
  }

  void after(long millis, Runnable what) {
    events.add(new Event(now + millis, order++, what));
  }

  /** Lets time pass. */
  void run(long millis) {
    long end = now + millis;
    while (!events.isEmpty() && events.peek().at <= end) {
      Event next = events.remove();
      now = next.at;
      next.what.run();
    }
    now = end;
  }

  void tickForEver(long period) {
    for (Node node : nodes) {
      node.feed.tick(now);
      node.follower.tick(now);
      node.send();
    }
    after(period, () -> tickForEver(period));
  }

  void accept(RequestSpec spec, int owner) {
    journal.put(spec.id(), RequestState.NONE.apply(new RequestEvent.Accepted(spec)));
    remember(spec.id());
    owners.put(spec.id(), owner);
    nodes.get(owner).publish(spec.id());
  }

  /** Commits an event and shows it where the request lives, if it lives anywhere. */
  void commit(RequestEvent event) {
    String id = event.requestId();
    journal.compute(id, (key, state) -> state.apply(event));
    remember(id);
    int owner = owners.get(id);
    if (owner >= 0) {
      nodes.get(owner).publish(id);
    }
  }

  /** One more step in a request's life. */
  void step(String id) {
    RequestState state = journal.get(id);
    int index = state.tokens().size();
    if (owners.get(id) < 0 || !state.isUnfinished()) {
      return;
    }
    if (state.paused()) {
      commit(new RequestEvent.Resumed(id, state.epoch(), index));
    } else if (state.epoch() == 0 || random.nextInt(12) == 0) {
      String device = "cpu-" + random.nextInt(3) + "@host:1";
      commit(new RequestEvent.Assigned(id, state.epoch() + 1, index, device, "cpu-1"));
    } else if (random.nextInt(12) == 0) {
      commit(new RequestEvent.Paused(id, state.epoch(), index));
    } else {
      commit(tokens(state, 1 + random.nextInt(5)));
    }
  }

  private RequestEvent tokens(RequestState state, int count) {
    RequestSpec spec = state.spec().orElseThrow();
    List<TokenLogprobs> prompt = new ArrayList<>();
    if (spec.promptLogprobs() && state.tokens().size() == 0) {
      for (int i = 1; i < spec.promptTokens().length; i++) {
        prompt.add(logprobs(spec.logprobs()));
      }
    }
    List<TokenLogprobs> logprobs = new ArrayList<>();
    int[] tokens = new int[count];
    for (int i = 0; i < count; i++) {
      tokens[i] = random.nextInt(100_000);
      if (spec.logprobs() >= 0) {
        logprobs.add(logprobs(spec.logprobs()));
      }
    }
    return new RequestEvent.TokensCommitted(
        spec.id(), state.epoch(), state.tokens().size(), tokens, logprobs, prompt);
  }

  private TokenLogprobs logprobs(int top) {
    return new TokenLogprobs(-random.nextFloat(), new int[top], new float[top]);
  }

  void finish(String id) {
    RequestState state = journal.get(id);
    if (state.isUnfinished()) {
      commit(
          new RequestEvent.Finished(
              id, state.epoch(), state.tokens().size(), FinishReason.LENGTH, ""));
    }
  }

  /** A request leaves its node, and comes to life on another after a while. */
  void move(String id, int to, long pause, boolean told) {
    int from = owners.put(id, -1);
    if (from < 0) {
      owners.put(id, from);
      return;
    }
    // Until it learns that it lost the request, the old owner answers with what it had.
    after(told ? 1 : random.nextInt((int) RESYNC * 4), () -> leave(id, from));
    after(
        pause,
        () -> {
          owners.put(id, to);
          nodes.get(to).publish(id);
          nodes.get(to).follower.drop(id, now);
          nodes.get(to).shown.remove(id);
        });
  }

  private void leave(String id, int from) {
    if (owners.get(id) != from) {
      Node node = nodes.get(from);
      Snapshot last = node.owned.remove(id);
      node.feed.left(id);
      node.send();
      if (last != null && node.read.contains(id)) {
        node.shown.put(id, last);
        node.adopt(id);
      }
    }
  }
}
