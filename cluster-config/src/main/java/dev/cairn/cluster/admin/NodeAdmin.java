package dev.cairn.cluster.admin;

import dev.cairn.actors.ClusterMessage;
import dev.cairn.actors.SchedulerActor;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.apache.pekko.actor.typed.receptionist.ServiceKey;
import org.apache.pekko.cluster.sharding.ShardRegion.CurrentShardRegionState;

/** Answers for its node; every node has one, and {@link ClusterAdmin} finds it by its key. */
public final class NodeAdmin extends AbstractBehavior<NodeAdmin.Command> {
  /** Its name among a node's actors. */
  public static final String NAME = "node-admin";

  /** Under which the nodes' actors are found. */
  public static final ServiceKey<Command> KEY = ServiceKey.create(Command.class, NAME);

  /** Under which the actors of nodes that are being emptied are found as well. */
  public static final ServiceKey<Command> DRAINING =
      ServiceKey.create(Command.class, "draining-node");

  /** How often a node that is being emptied looks whether it is empty. */
  private static final Duration LOOK = Duration.ofMillis(200);

  /** What it understands. */
  public sealed interface Command extends ClusterMessage {}

  /** Which requests are here? */
  public record ListRequests(RequestFilter filter, ActorRef<Reply> replyTo) implements Command {}

  /** Which of the requests here came last, and how many are there? */
  public record ListNewest(NewestFilter filter, ActorRef<Reply> replyTo) implements Command {}

  /** How is the node? */
  public record Describe(ActorRef<Reply> replyTo) implements Command {}

  /** What do tenants have going here? */
  public record CountTenants(ActorRef<Reply> replyTo) implements Command {}

  /** Take no new work and have moved what is here; answered when nothing is left. */
  public record Drain(ActorRef<Reply> replyTo) implements Command {}

  /** Take work again. */
  public record Undrain(ActorRef<Reply> replyTo) implements Command {}

  /** How far is it emptied? Answered at once. */
  public record AskDrain(ActorRef<Reply> replyTo) implements Command {}

  private enum Look implements Command {
    INSTANCE
  }

  private record Shards(int here) implements Command {}

  private record DeviceState(int number, int requests) implements Command {}

  /** Answers. */
  public sealed interface Reply extends ClusterMessage {}

  /**
   * Requests in the order of their ids.
   *
   * @param more whether there are others behind the last one
   */
  public record Page(List<RequestRow> requests, boolean more) implements Reply {}

  /**
   * Requests, the newest first.
   *
   * @param counts of all that the filter is about, whatever their state
   */
  public record NewestPage(List<RequestRow> requests, StateCounts counts) implements Reply {}

  /** How the node is. */
  public record Described(NodeReport report) implements Reply {}

  /** What tenants have going, in the order of their names. */
  public record Tenants(List<TenantRow> tenants) implements Reply {}

  /** How far the node is emptied. */
  public record DrainState(DrainReport report) implements Reply {}

  private final NodeFacts facts;
  private final Emptying emptying;
  private final TimerScheduler<Command> timers;
  private final DrainWatch drain = new DrainWatch();
  private final ActorRef<CurrentShardRegionState> shards;

  /** Where the scheduler of each device says how far it is. */
  private final List<ActorRef<SchedulerActor.DrainState>> devices;

  /** Registers itself under {@link #KEY}. */
  public static Behavior<Command> create(NodeFacts facts, Emptying emptying) {
    Behavior<Command> behavior =
        Behaviors.setup(
            context -> {
              context
                  .getSystem()
                  .receptionist()
                  .tell(Receptionist.register(KEY, context.getSelf()));
              return Behaviors.withTimers(
                  timers -> new NodeAdmin(context, timers, facts, emptying));
            });
    return Behaviors.supervise(behavior).onFailure(SupervisorStrategy.resume());
  }

  private NodeAdmin(
      ActorContext<Command> context,
      TimerScheduler<Command> timers,
      NodeFacts facts,
      Emptying emptying) {
    super(context);
    this.timers = timers;
    this.facts = facts;
    this.emptying = emptying;
    this.shards =
        context.messageAdapter(
            CurrentShardRegionState.class, state -> new Shards(state.getShards().size()));
    this.devices =
        IntStream.range(0, emptying.schedulers().size())
            .mapToObj(number -> context.spawn(states(number), "device-" + number))
            .toList();
  }

  private Behavior<SchedulerActor.DrainState> states(int number) {
    ActorRef<Command> self = getContext().getSelf();
    return Behaviors.receiveMessage(
        state -> {
          self.tell(new DeviceState(number, state.requests()));
          return Behaviors.same();
        });
  }

  private void tellSchedulers(
      Function<ActorRef<SchedulerActor.DrainState>, SchedulerActor.Command> command) {
    for (int i = 0; i < devices.size(); i++) {
      emptying.schedulers().get(i).tell(command.apply(devices.get(i)));
    }
  }

  @Override
  public Receive<Command> createReceive() {
    return newReceiveBuilder()
        .onMessage(ListRequests.class, this::onListRequests)
        .onMessage(ListNewest.class, this::onListNewest)
        .onMessage(Describe.class, this::onDescribe)
        .onMessage(CountTenants.class, this::onCountTenants)
        .onMessage(Drain.class, this::onDrain)
        .onMessage(Undrain.class, this::onUndrain)
        .onMessage(AskDrain.class, this::onAskDrain)
        .onMessage(Look.class, look -> onLook())
        .onMessage(Shards.class, this::onShards)
        .onMessage(DeviceState.class, this::onDeviceState)
        .build();
  }

  private Behavior<Command> onDrain(Drain asked) {
    if (!drain.isOn()) {
      drain.begin();
      emptying.draining(true);
      getContext()
          .getSystem()
          .receptionist()
          .tell(Receptionist.register(DRAINING, getContext().getSelf()));
      tellSchedulers(SchedulerActor.Drain::new);
      timers.startTimerWithFixedDelay(Look.INSTANCE, LOOK);
    }
    drain.add(asked.replyTo(), report());
    return onLook();
  }

  private Behavior<Command> onUndrain(Undrain asked) {
    if (drain.isOn()) {
      drain.end();
      timers.cancel(Look.INSTANCE);
      emptying.draining(false);
      getContext()
          .getSystem()
          .receptionist()
          .tell(Receptionist.deregister(DRAINING, getContext().getSelf()));
      tellSchedulers(SchedulerActor.Undrain::new);
    }
    drain.tellAll(report());
    asked.replyTo().tell(new DrainState(report()));
    return this;
  }

  private Behavior<Command> onAskDrain(AskDrain asked) {
    asked.replyTo().tell(new DrainState(report()));
    return this;
  }

  private Behavior<Command> onLook() {
    emptying.askShards(shards);
    DrainReport now = report();
    if (now.drained()) {
      drain.tellAll(now);
    }
    return this;
  }

  private Behavior<Command> onShards(Shards now) {
    drain.shards(now.here());
    return this;
  }

  private Behavior<Command> onDeviceState(DeviceState now) {
    drain.device(now.number(), now.requests());
    return this;
  }

  private DrainReport report() {
    return drain.report(
        facts.node(),
        (int) facts.requests().filter(RequestRow::isUnfinished).count(),
        emptying.isGateway(),
        devices.size(),
        emptying.goesElsewhere());
  }

  private Behavior<Command> onListRequests(ListRequests list) {
    RequestFilter filter = list.filter();
    List<RequestRow> found =
        facts
            .requests()
            .filter(filter::takes)
            .sorted(Comparator.comparing(RequestRow::id))
            .limit(filter.limit() + 1L)
            .toList();
    boolean more = found.size() > filter.limit();
    list.replyTo().tell(new Page(more ? found.subList(0, filter.limit()) : found, more));
    return this;
  }

  private Behavior<Command> onListNewest(ListNewest list) {
    list.replyTo().tell(list.filter().page(facts.requests()));
    return this;
  }

  private Behavior<Command> onDescribe(Describe describe) {
    describe.replyTo().tell(new Described(facts.report()));
    return this;
  }

  private Behavior<Command> onCountTenants(CountTenants count) {
    TreeMap<String, TenantRow> tenants = new TreeMap<>();
    facts
        .requests()
        .filter(RequestRow::isUnfinished)
        .forEach(row -> tenants.merge(row.tenant(), TenantRow.of(row), TenantRow::plus));
    facts
        .tenants()
        .filter(TenantRow::isOfInterest)
        .forEach(stats -> tenants.merge(stats.tenant(), TenantRow.of(stats), TenantRow::plus));
    count.replyTo().tell(new Tenants(List.copyOf(tenants.values())));
    return this;
  }
}
