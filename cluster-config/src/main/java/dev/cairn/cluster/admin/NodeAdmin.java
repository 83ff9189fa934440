package dev.cairn.cluster.admin;

import dev.cairn.actors.ClusterMessage;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.apache.pekko.actor.typed.receptionist.ServiceKey;

/** Answers for its node; every node has one, and {@link ClusterAdmin} finds it by its key. */
public final class NodeAdmin extends AbstractBehavior<NodeAdmin.Command> {
  /** Under which the nodes' actors are found. */
  public static final ServiceKey<Command> KEY = ServiceKey.create(Command.class, "node-admin");

  /** What it understands. */
  public sealed interface Command extends ClusterMessage {}

  /** Which requests are here? */
  public record ListRequests(RequestFilter filter, ActorRef<Reply> replyTo) implements Command {}

  /** How is the node? */
  public record Describe(ActorRef<Reply> replyTo) implements Command {}

  /** What do tenants have going here? */
  public record CountTenants(ActorRef<Reply> replyTo) implements Command {}

  /** Answers. */
  public sealed interface Reply extends ClusterMessage {}

  /**
   * Requests in the order of their ids.
   *
   * @param more whether there are others behind the last one
   */
  public record Page(List<RequestRow> requests, boolean more) implements Reply {}

  /** How the node is. */
  public record Described(NodeReport report) implements Reply {}

  /** What tenants have going, in the order of their names. */
  public record Tenants(List<TenantRow> tenants) implements Reply {}

  private final NodeFacts facts;

  /** Registers itself under {@link #KEY}. */
  public static Behavior<Command> create(NodeFacts facts) {
    Behavior<Command> behavior =
        Behaviors.setup(
            context -> {
              context
                  .getSystem()
                  .receptionist()
                  .tell(Receptionist.register(KEY, context.getSelf()));
              return new NodeAdmin(context, facts);
            });
    return Behaviors.supervise(behavior).onFailure(SupervisorStrategy.resume());
  }

  private NodeAdmin(ActorContext<Command> context, NodeFacts facts) {
    super(context);
    this.facts = facts;
  }

  @Override
  public Receive<Command> createReceive() {
    return newReceiveBuilder()
        .onMessage(ListRequests.class, this::onListRequests)
        .onMessage(Describe.class, this::onDescribe)
        .onMessage(CountTenants.class, this::onCountTenants)
        .build();
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
    count.replyTo().tell(new Tenants(List.copyOf(tenants.values())));
    return this;
  }
}
