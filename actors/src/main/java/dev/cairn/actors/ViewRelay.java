package dev.cairn.actors;

import dev.cairn.actors.RejectedException.Kind;
import dev.cairn.persistence.EventFormatException;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.relay.Feed;
import dev.cairn.relay.Follower;
import dev.cairn.relay.News;
import dev.cairn.relay.Pull;
import dev.cairn.relay.RelayCodec;
import dev.cairn.request.RequestCopy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PreRestart;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * Lets readers of this node follow requests that live on others, and those of others the ones that
 * live here; one a node. A shell round {@link Follower} and {@link Feed}: it turns messages into
 * calls, feeds the {@link RequestViews} and looks up owners.
 *
 * <p>A request's publication does not enter its mailbox: the first one of many marks it as changed
 * and wakes it, the others mark alone.
 */
public final class ViewRelay extends AbstractBehavior<ViewRelay.Command>
    implements Follower.Effects<ActorRef<ViewRelay.Command>> {
  /** What a relay understands. */
  public sealed interface Command extends ClusterMessage {}

  /** Another node's readers ask; the bytes are a {@link Pull}. */
  public record PullNews(byte[] pull, ActorRef<Command> from) implements Command {}

  /** Another node answers; the bytes are {@link News}. */
  public record TakeNews(byte[] news, ActorRef<Command> from) implements Command {}

  /**
   * A reader of this node wants a view of a request that lives elsewhere.
   *
   * @param owner relay of the node where it lives
   * @param view completed once there is something to show
   */
  public record Follow(
      String requestId, ActorRef<Command> owner, CompletableFuture<RequestView> view)
      implements Command {}

  private record Arrived(String requestId) implements Command {}

  private record Left(String requestId) implements Command {}

  private record Unfed(RequestView view) implements Command {}

  private record Located(String requestId, Optional<ActorRef<Command>> owner) implements Command {}

  private record NodeGone(ActorRef<Command> relay) implements Command {}

  private enum Changed implements Command {
    INSTANCE
  }

  private enum Tick implements Command {
    INSTANCE
  }

  /**
   * How a relay works.
   *
   * @param resync silence after which a request is asked for again
   * @param lease how long an owner remembers a follower that does not ask again
   * @param maxUnanswered questions in a row that an owner may leave unanswered
   * @param maxFollowed most requests that are followed
   * @param maxMemory most memory that their copies may come to take, in bytes
   * @param batchBytes about how large a batch may be
   * @param maxLookups most owners that are looked up at a time
   * @param linger how long a view stays that has no reader
   */
  public record Settings(
      Duration resync,
      Duration lease,
      int maxUnanswered,
      int maxFollowed,
      long maxMemory,
      int batchBytes,
      int maxLookups,
      Duration linger) {}

  /** What a relay holds; for the leak registry. Safe for any number of threads. */
  public static final class Held {
    private volatile int followed;
    private volatile int followers;

    /** Requests that live elsewhere and are followed, or whose views are kept. */
    public int followed() {
      return followed;
    }

    /** Pairs of a request that lives here and a node that follows it. */
    public int followers() {
      return followers;
    }
  }

  /**
   * What a relay needs of its node.
   *
   * @param find asks a request's actor whether there is such a request; fails where it does not
   *     answer
   */
  public record Environment(
      Settings settings,
      RequestViews views,
      Function<String, CompletionStage<RequestActor.Reply>> find,
      Telemetry telemetry,
      LongSupplier nanoTime,
      Held held) {}

  private record Watched(RequestView view, RequestView.Subscription subscription) {}

  /** Most bytes of a want in a pull: its id has 64 characters at most. */
  private static final int WANT_BYTES = 96;

  private final ActorRef<Command> self;
  private final Environment env;
  private final Follower<ActorRef<Command>> follower;
  private final Feed<ActorRef<Command>> feed;
  private final Map<String, List<CompletableFuture<RequestView>>> promised = new HashMap<>();
  private final Map<String, Long> unreadSince = new HashMap<>();
  private final Map<String, Watched> watched = new HashMap<>();
  private final Set<ActorRef<Command>> peers = new HashSet<>();
  private final Set<String> changed = ConcurrentHashMap.newKeySet();
  private final AtomicBoolean woken = new AtomicBoolean();

  /** A relay that fails begins anew, and goes on with what has readers. */
  public static Behavior<Command> create(Environment env) {
    Behavior<Command> relay =
        Behaviors.setup(
            context -> Behaviors.withTimers(timers -> new ViewRelay(context, timers, env)));
    return Behaviors.supervise(relay).onFailure(SupervisorStrategy.restart());
  }

  private ViewRelay(
      ActorContext<Command> context, TimerScheduler<Command> timers, Environment env) {
    super(context);
    this.self = context.getSelf();
    this.env = env;
    Settings settings = env.settings();
    this.follower =
        new Follower<>(
            new Follower.Limits(
                settings.maxFollowed(),
                settings.maxMemory(),
                Math.max(1, settings.batchBytes() / WANT_BYTES),
                settings.maxLookups(),
                settings.resync().toNanos(),
                settings.maxUnanswered()),
            now(),
            this);
    this.feed =
        new Feed<>(
            new Feed.Limits(settings.batchBytes(), settings.lease().toNanos()),
            id -> env.views().owned(id).map(view -> new Feed.Owned(view.spec(), view.snapshot())));
    listen();
    timers.startTimerWithFixedDelay(Tick.INSTANCE, settings.resync().dividedBy(4));
    for (RequestView view : env.views().followed()) {
      follower.adopt(new RequestCopy(view.spec(), view.snapshot()), now());
    }
  }

  private void listen() {
    env.views()
        .relay(
            new RequestViews.Relay() {
              @Override
              public void arrived(String requestId) {
                self.tell(new Arrived(requestId));
              }

              @Override
              public void left(String requestId) {
                self.tell(new Left(requestId));
              }

              @Override
              public void unfed(RequestView view) {
                self.tell(new Unfed(view));
              }
            });
  }

  private long now() {
    return env.nanoTime().getAsLong();
  }

  @Override
  public Receive<Command> createReceive() {
    return newReceiveBuilder()
        .onMessage(PullNews.class, this::onPullNews)
        .onMessage(TakeNews.class, this::onTakeNews)
        .onMessage(Changed.class, message -> onChanged())
        .onMessage(Follow.class, this::onFollow)
        .onMessage(Arrived.class, this::onArrived)
        .onMessage(Left.class, this::onLeft)
        .onMessage(Unfed.class, this::onUnfed)
        .onMessage(Located.class, this::onLocated)
        .onMessage(NodeGone.class, this::onNodeGone)
        .onMessage(Tick.class, message -> onTick())
        .onSignal(PreRestart.class, restart -> onRestart())
        .build();
  }

  private Behavior<Command> onPullNews(PullNews asked) throws EventFormatException {
    Pull pull = RelayCodec.pull(asked.pull());
    watchPeer(asked.from());
    feed.pull(asked.from(), pull, now());
    pull.wants().forEach(want -> watchView(want.requestId()));
    return send();
  }

  /** Follows the view of a request that lives here, for other nodes. */
  private void watchView(String requestId) {
    Optional<RequestView> here = env.views().owned(requestId);
    Watched before = watched.get(requestId);
    if (feed.isFollowed(requestId)
        && here.isPresent()
        && (before == null || before.view() != here.get())) {
      unwatchView(requestId);
      RequestView view = here.get();
      watched.put(requestId, new Watched(view, view.relay(() -> mark(requestId))));
      // What was published before has woken nobody.
      feed.changed(requestId);
    }
  }

  /** On the publisher's thread. */
  private void mark(String requestId) {
    changed.add(requestId);
    if (!woken.getAndSet(true)) {
      self.tell(Changed.INSTANCE);
    }
  }

  private Behavior<Command> onChanged() {
    woken.set(false);
    for (String id : changed) {
      changed.remove(id);
      feed.changed(id);
    }
    return send();
  }

  private Behavior<Command> onTakeNews(TakeNews taken) throws EventFormatException {
    follower.news(taken.from(), RelayCodec.news(taken.news()), now());
    return send();
  }

  private Behavior<Command> onFollow(Follow follow) {
    String id = follow.requestId();
    Optional<RequestView> fed = env.views().find(id);
    if (fed.isPresent()) {
      follow.view().complete(fed.get());
      if (env.views().owned(id).isPresent()) {
        return send();
      }
    } else {
      promised.computeIfAbsent(id, unused -> new ArrayList<>(1)).add(follow.view());
    }
    if (follower.follow(id, follow.owner(), now())) {
      watchPeer(follow.owner());
    } else {
      refuse(id);
    }
    return send();
  }

  private Behavior<Command> onArrived(Arrived arrived) {
    String id = arrived.requestId();
    if (env.views().owned(id).isPresent()) {
      follower.drop(id, now());
      unreadSince.remove(id);
      env.views().find(id).ifPresent(view -> fulfil(id, view));
      watchView(id);
    }
    return send();
  }

  private Behavior<Command> onLeft(Left left) {
    if (env.views().owned(left.requestId()).isEmpty()) {
      feed.left(left.requestId());
      unwatchView(left.requestId());
    }
    return send();
  }

  private void unwatchView(String requestId) {
    Watched before = watched.remove(requestId);
    if (before != null) {
      before.subscription().cancel();
    }
  }

  private Behavior<Command> onUnfed(Unfed unfed) {
    RequestView view = unfed.view();
    if (view.snapshot().finish().isEmpty() && env.views().follow(view)) {
      if (env.views().owned(view.spec().id()).isEmpty()) {
        follower.adopt(new RequestCopy(view.spec(), view.snapshot()), now());
      }
    }
    return send();
  }

  private Behavior<Command> onLocated(Located located) {
    String id = located.requestId();
    if (located.owner().isPresent() && !located.owner().get().equals(self)) {
      watchPeer(located.owner().get());
      follower.located(id, located.owner().get(), now());
    } else {
      follower.notLocated(id, now());
    }
    return send();
  }

  private void watchPeer(ActorRef<Command> relay) {
    if (peers.add(relay)) {
      getContext().watchWith(relay, new NodeGone(relay));
    }
  }

  private Behavior<Command> onNodeGone(NodeGone gone) {
    peers.remove(gone.relay());
    feed.gone(gone.relay());
    follower.gone(gone.relay(), now());
    return send();
  }

  private Behavior<Command> onTick() {
    long now = now();
    follower.tick(now);
    feed.tick(now);
    List.copyOf(watched.keySet()).stream()
        .filter(id -> !feed.isFollowed(id))
        .forEach(this::unwatchView);
    promised.values().removeIf(all -> all.stream().allMatch(CompletableFuture::isDone));
    for (String id : follower.requests()) {
      boolean read =
          promised.containsKey(id)
              || env.views().find(id).map(view -> view.readers() > 0).orElse(false);
      if (read) {
        unreadSince.remove(id);
      } else if (now - unreadSince.computeIfAbsent(id, unused -> now)
          >= env.settings().linger().toNanos()) {
        follower.drop(id, now);
        unreadSince.remove(id);
        env.views().unfollow(id);
      }
    }
    unreadSince.keySet().retainAll(follower.requests());
    return send();
  }

  private Behavior<Command> onRestart() {
    watched.values().forEach(each -> each.subscription().cancel());
    List.copyOf(promised.keySet()).forEach(this::refuse);
    return this;
  }

  private Behavior<Command> send() {
    for (Feed.Batch<ActorRef<Command>> batch : feed.take()) {
      byte[] news = RelayCodec.encode(batch.news());
      env.telemetry().relayed(batch.news().updates().size(), news.length);
      batch.follower().tell(new TakeNews(news, self));
    }
    env.held().followers = feed.followed();
    env.held().followed = follower.followed();
    return this;
  }

  @Override
  public void pull(ActorRef<Command> owner, Pull pull) {
    byte[] bytes = RelayCodec.encode(pull);
    env.telemetry().relayed(0, bytes.length);
    owner.tell(new PullNews(bytes, self));
  }

  @Override
  public void locate(String requestId) {
    getContext()
        .pipeToSelf(
            env.find().apply(requestId),
            (reply, failure) ->
                new Located(
                    requestId,
                    reply instanceof RequestActor.Known known
                        ? Optional.of(known.relay())
                        : Optional.empty()));
  }

  @Override
  public void show(RequestSpec spec, RequestCopy copy) {
    RequestView view = env.views().follow(spec, copy.snapshot());
    if (!view.publish(copy.snapshot(), getContext().getLog())) {
      env.telemetry().contradiction();
    }
    fulfil(spec.id(), view);
  }

  private void fulfil(String requestId, RequestView view) {
    List<CompletableFuture<RequestView>> waiting = promised.remove(requestId);
    if (waiting != null) {
      waiting.forEach(each -> each.complete(view));
    }
  }

  @Override
  public void refuse(String requestId) {
    List<CompletableFuture<RequestView>> waiting = promised.remove(requestId);
    if (waiting != null) {
      RejectedException refused =
          new RejectedException(
              Kind.UNAVAILABLE,
              "this gateway follows as many requests of others as it may; another one may show it");
      waiting.forEach(each -> each.completeExceptionally(refused));
    }
  }

  @Override
  public void contradicted(ActorRef<Command> owner, String requestId, String what) {
    env.telemetry().contradiction();
    getContext()
        .getLog()
        .error(
            "the owner of request {} at {} {}; it is looked up again",
            requestId,
            owner.path(),
            what);
  }
}
