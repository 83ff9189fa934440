package dev.cairn.cluster.admin;

import dev.cairn.actors.PauseActor;
import dev.cairn.actors.RejectedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;

/**
 * Asks every node of the cluster and waits a bounded time for the answers. A node that does not
 * answer is named, and fails nothing. Safe for any number of threads.
 */
public final class ClusterAdmin {
  /** Roles that a node was not told but has: where it is, and which journal it uses. */
  private static final List<String> INNER_ROLES = List.of("dc-", "journal-");

  private final ActorSystem<?> system;
  private final Cluster cluster;
  private final ActorRef<PauseActor.Command> pauses;

  /**
   * @param pauses the way to what keeps the cluster's pauses
   */
  public ClusterAdmin(ActorSystem<?> system, ActorRef<PauseActor.Command> pauses) {
    this.system = system;
    this.pauses = pauses;
    this.cluster = Cluster.get(system);
  }

  /** HOST:PORT of a member. */
  public static String hostAndPort(Address address) {
    return address.host().get() + ":" + address.port().get();
  }

  /** This node, HOST:PORT. */
  public String self() {
    return hostAndPort(cluster.selfMember().address());
  }

  /** Members of the cluster as this node knows them, in the order of their addresses. */
  public List<ClusterMember> members() {
    Set<Member> unreachable = cluster.state().getUnreachable();
    return StreamSupport.stream(cluster.state().getMembers().spliterator(), false)
        .map(
            member ->
                new ClusterMember(
                    hostAndPort(member.address()),
                    member.status().toString(),
                    !unreachable.contains(member),
                    member.getRoles().stream()
                        .filter(role -> INNER_ROLES.stream().noneMatch(role::startsWith))
                        .sorted()
                        .toList()))
        .sorted(Comparator.comparing(ClusterMember::node))
        .toList();
  }

  /**
   * A page of the cluster's requests, in the order of their ids.
   *
   * @param node asks this node alone; empty: all
   */
  public CompletionStage<Gathered<NodeAdmin.Page>> requests(
      RequestFilter filter, Optional<String> node, Duration most) {
    return gather(
        node, NodeAdmin.Page.class, replyTo -> new NodeAdmin.ListRequests(filter, replyTo), most);
  }

  /** The newest requests of each node. */
  public CompletionStage<Gathered<NodeAdmin.NewestPage>> newest(
      NewestFilter filter, Duration most) {
    return gather(
        Optional.empty(),
        NodeAdmin.NewestPage.class,
        replyTo -> new NodeAdmin.ListNewest(filter, replyTo),
        most);
  }

  /** How every node is. */
  public CompletionStage<Gathered<NodeReport>> describe(Duration most) {
    return gather(Optional.empty(), NodeAdmin.Described.class, NodeAdmin.Describe::new, most)
        .thenApply(
            all ->
                new Gathered<>(
                    all.answers().stream().map(NodeAdmin.Described::report).toList(),
                    all.unanswered()));
  }

  /** What every tenant has going in the whole cluster, in the order of their names. */
  public CompletionStage<Gathered<TenantRow>> tenants(Duration most) {
    return gather(Optional.empty(), NodeAdmin.Tenants.class, NodeAdmin.CountTenants::new, most)
        .thenApply(
            all -> {
              TreeMap<String, TenantRow> tenants = new TreeMap<>();
              all.answers().stream()
                  .flatMap(each -> each.tenants().stream())
                  .forEach(row -> tenants.merge(row.tenant(), row, TenantRow::plus));
              return new Gathered<>(List.copyOf(tenants.values()), all.unanswered());
            });
  }

  /**
   * Pauses a tenant on every device, or lets it go on; answered when that is durable and nothing of
   * it runs any more, or some scheduler has not said so within {@code
   * cairn.pauses.confirm-timeout}.
   *
   * @param most longest wait beyond that
   */
  public CompletionStage<PauseActor.State> pauseTenant(
      String tenant, boolean paused, Duration most) {
    return askPauses(replyTo -> new PauseActor.SetTenant(tenant, paused, replyTo), most);
  }

  /** Pauses a device, or lets it go on; otherwise as {@link #pauseTenant}. */
  public CompletionStage<PauseActor.State> pauseDevice(
      String device, boolean paused, Duration most) {
    return askPauses(replyTo -> new PauseActor.SetDevice(device, paused, replyTo), most);
  }

  /** What is paused. */
  public CompletionStage<PauseActor.State> pauses(Duration most) {
    return askPauses(PauseActor.AskPauses::new, most);
  }

  private CompletionStage<PauseActor.State> askPauses(
      Function<ActorRef<PauseActor.State>, PauseActor.Command> what, Duration most) {
    Duration confirm = system.settings().config().getDuration("cairn.pauses.confirm-timeout");
    CompletionStage<PauseActor.State> state =
        AskPattern.ask(pauses, what::apply, most.plus(confirm), system.scheduler());
    return state.exceptionally(
        failure -> {
          throw new RejectedException(
              RejectedException.Kind.UNAVAILABLE,
              "no gateway said what is paused: " + failure.getMessage());
        });
  }

  /**
   * Has a node emptied.
   *
   * @return that it is drained; empty where it was not within the time
   */
  public CompletionStage<Optional<DrainReport>> drain(String node, Duration most) {
    return draining(node, NodeAdmin.Drain::new, most);
  }

  /** How far a node is emptied; empty where it does not answer. */
  public CompletionStage<Optional<DrainReport>> drainState(String node, Duration most) {
    return draining(node, NodeAdmin.AskDrain::new, most);
  }

  /** Lets a node take work again; empty where it does not answer. */
  public CompletionStage<Optional<DrainReport>> undrain(String node, Duration most) {
    return draining(node, NodeAdmin.Undrain::new, most);
  }

  private CompletionStage<Optional<DrainReport>> draining(
      String node, Function<ActorRef<NodeAdmin.Reply>, NodeAdmin.Command> what, Duration most) {
    return gather(Optional.of(node), NodeAdmin.DrainState.class, what, most)
        .thenApply(all -> all.answers().stream().findFirst().map(NodeAdmin.DrainState::report));
  }

  private <T extends NodeAdmin.Reply> CompletionStage<Gathered<T>> gather(
      Optional<String> only,
      Class<T> type,
      Function<ActorRef<NodeAdmin.Reply>, NodeAdmin.Command> question,
      Duration most) {
    return nodes(most).thenCompose(nodes -> ask(wanted(nodes, only), type, question, most));
  }

  /** Every member that takes part, with the actor that answers for it where one is known. */
  private CompletionStage<Map<String, Optional<ActorRef<NodeAdmin.Command>>>> nodes(Duration most) {
    CompletionStage<Receptionist.Listing> found =
        AskPattern.ask(
            system.receptionist(),
            replyTo -> Receptionist.find(NodeAdmin.KEY, replyTo),
            most,
            system.scheduler());
    return found.thenApply(
        listing -> {
          Map<String, Optional<ActorRef<NodeAdmin.Command>>> nodes = new TreeMap<>();
          for (Member member : cluster.state().getMembers()) {
            if (member.status() != MemberStatus.removed()) {
              nodes.put(hostAndPort(member.address()), Optional.empty());
            }
          }
          for (ActorRef<NodeAdmin.Command> each : listing.getServiceInstances(NodeAdmin.KEY)) {
            nodes.put(where(each), Optional.of(each));
          }
          return nodes;
        });
  }

  private String where(ActorRef<?> ref) {
    Address address = ref.path().address();
    return address.hasLocalScope() ? self() : hostAndPort(address);
  }

  private static Map<String, Optional<ActorRef<NodeAdmin.Command>>> wanted(
      Map<String, Optional<ActorRef<NodeAdmin.Command>>> nodes, Optional<String> only) {
    return only.map(
            node ->
                nodes.entrySet().stream()
                    .filter(each -> each.getKey().equals(node))
                    .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue)))
        .orElse(nodes);
  }

  private <T extends NodeAdmin.Reply> CompletionStage<Gathered<T>> ask(
      Map<String, Optional<ActorRef<NodeAdmin.Command>>> nodes,
      Class<T> type,
      Function<ActorRef<NodeAdmin.Reply>, NodeAdmin.Command> question,
      Duration most) {
    List<String> names = List.copyOf(nodes.keySet());
    List<CompletableFuture<Optional<T>>> answers = new ArrayList<>();
    nodes.forEach(
        (name, node) ->
            answers.add(
                node.map(CompletableFuture::completedFuture)
                    .orElseGet(() -> resolved(name, most))
                    .thenCompose(ref -> one(ref, type, question, most))
                    .exceptionally(
                        failure -> {
                          system.log().warn("{} was not found: {}", name, failure.getMessage());
                          return Optional.empty();
                        })));
    return CompletableFuture.allOf(answers.toArray(CompletableFuture<?>[]::new))
        .thenApply(
            done -> {
              List<T> given = new ArrayList<>();
              List<String> unanswered = new ArrayList<>();
              for (int i = 0; i < names.size(); i++) {
                Optional<T> answer = answers.get(i).join();
                if (answer.isPresent()) {
                  given.add(answer.get());
                } else {
                  unanswered.add(names.get(i));
                }
              }
              return new Gathered<>(given, unanswered);
            });
  }

  /** Who answers for a member that has come so lately that the receptionist does not know yet. */
  private CompletableFuture<ActorRef<NodeAdmin.Command>> resolved(String node, Duration most) {
    return StreamSupport.stream(cluster.state().getMembers().spliterator(), false)
        .map(Member::address)
        .filter(address -> hostAndPort(address).equals(node))
        .findFirst()
        .map(address -> address + "/user/" + NodeAdmin.NAME)
        .map(path -> Adapter.toClassic(system).actorSelection(path).resolveOne(most))
        .map(found -> found.thenApply(Adapter::<NodeAdmin.Command>toTyped).toCompletableFuture())
        .orElseGet(
            () -> CompletableFuture.failedFuture(new IllegalStateException(node + " has left")));
  }

  private <T extends NodeAdmin.Reply> CompletableFuture<Optional<T>> one(
      ActorRef<NodeAdmin.Command> node,
      Class<T> type,
      Function<ActorRef<NodeAdmin.Reply>, NodeAdmin.Command> question,
      Duration most) {
    CompletionStage<NodeAdmin.Reply> answer =
        AskPattern.ask(node, question::apply, most, system.scheduler());
    return answer
        .handle(
            (reply, failure) -> {
              if (failure != null) {
                system.log().warn("{} did not answer: {}", where(node), failure.getMessage());
                return Optional.<T>empty();
              }
              return Optional.of(type.cast(reply));
            })
        .toCompletableFuture();
  }
}
