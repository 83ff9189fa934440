package dev.cairn.cluster;

import dev.cairn.actors.DeviceDirectory;
import dev.cairn.actors.Readiness;
import dev.cairn.actors.RequestView;
import dev.cairn.cluster.admin.ClusterAdmin;
import dev.cairn.cluster.admin.DeviceRow;
import dev.cairn.cluster.admin.JournalReport;
import dev.cairn.cluster.admin.NodeFacts;
import dev.cairn.cluster.admin.NodeReport;
import dev.cairn.cluster.admin.OwnDevice;
import dev.cairn.cluster.admin.RequestRow;
import dev.cairn.cluster.admin.Waiting;
import dev.cairn.device.DeviceConfig;
import dev.cairn.device.DeviceInfo;
import dev.cairn.model.ModelSpec;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.journal.JournalAccess;
import dev.cairn.persistence.journal.JournalStats;
import dev.cairn.request.Snapshot;
import dev.cairn.scheduling.SchedulingStats;
import dev.cairn.scheduling.TenantStats;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.apache.pekko.actor.Address;

/** What this node says of itself to an operator. */
final class LocalFacts implements NodeFacts {
  private final String node;
  private final Readiness readiness;
  private final DrainSwitch draining;
  private final ModelSpec model;
  private final List<DeviceInfo> devices;
  private final Supplier<SchedulingStats> scheduling;
  private final Supplier<List<TenantStats>> tenants;
  private final Optional<RequestSharding> gateway;
  private final Optional<JournalAccess> journal;
  private final Profile profile;
  private final String durability;

  /**
   * @param node HOST:PORT
   * @param devices of the node
   * @param scheduling where their schedulers stand together
   * @param tenants where tenants stand at the devices
   * @param gateway empty where the node is none
   */
  LocalFacts(
      String node,
      Readiness readiness,
      DrainSwitch draining,
      ModelSpec model,
      List<DeviceInfo> devices,
      Supplier<SchedulingStats> scheduling,
      Supplier<List<TenantStats>> tenants,
      Optional<RequestSharding> gateway,
      Optional<JournalAccess> journal,
      Profile profile,
      String durability) {
    this.node = node;
    this.readiness = readiness;
    this.draining = draining;
    this.model = model;
    this.devices = devices;
    this.scheduling = scheduling;
    this.tenants = tenants;
    this.gateway = gateway;
    this.journal = journal;
    this.profile = profile;
    this.durability = durability;
  }

  @Override
  public Stream<RequestRow> requests() {
    return gateway.stream()
        .flatMap(here -> here.views().all().stream())
        .map(view -> RequestRow.of(node, view));
  }

  @Override
  public String node() {
    return node;
  }

  @Override
  public Stream<TenantStats> tenants() {
    return tenants.get().stream();
  }

  @Override
  public NodeReport report() {
    int unfinished = unfinished();
    return new NodeReport(
        node,
        List.copyOf(readiness.reasons().values()),
        draining.isOn(),
        unfinished,
        gateway.map(here -> here.gate().limit()).orElse(0),
        gateway.map(here -> here.views().readers()).orElse(0),
        own(),
        gateway.map(this::devices).orElse(List.of()),
        gateway.map(LocalFacts::waiting).orElse(List.of()),
        journal.map(access -> journal(access, unfinished)));
  }

  private int unfinished() {
    return (int)
        gateway.stream()
            .flatMap(here -> here.views().all().stream())
            .filter(view -> view.snapshot().finish().isEmpty())
            .count();
  }

  private Optional<OwnDevice> own() {
    if (devices.isEmpty()) {
      return Optional.empty();
    }
    SchedulingStats stats = scheduling.get();
    DeviceConfig each = devices.get(0).config();
    long block = each.blockTokens();
    OwnDevice own =
        new OwnDevice(
            model.name(),
            model.fingerprint(),
            stats.queued(),
            stats.running(),
            stats.slotsInUse(),
            devices.size() * each.maxSlots(),
            devices.size() * each.kvBlocks() * block,
            stats.kvBlocksUsed() * block,
            stats.kvBlocksCached() * block);
    return Optional.of(own);
  }

  private List<DeviceRow> devices(RequestSharding here) {
    return here.placement().devices().stream()
        .map(this::row)
        .sorted(Comparator.comparing(DeviceRow::name))
        .toList();
  }

  private DeviceRow row(DeviceDirectory.Seen seen) {
    Address address = seen.scheduler().path().address();
    return new DeviceRow(
        seen.status().name(),
        address.hasLocalScope() ? node : ClusterAdmin.hostAndPort(address),
        seen.status().model().fingerprint(),
        seen.status().backend(),
        seen.status().numericsVersion(),
        seen.status().maxContext(),
        seen.status().kvTokens(),
        seen.status().load().queuedTokens(),
        seen.status().load().tokensPerSecond(),
        seen.roundTripSeconds(),
        seen.answers(),
        seen.status().draining(),
        seen.status().paused(),
        seen.status().load().running(),
        seen.status().load().waiting(),
        seen.status().load().freeKvTokens());
  }

  private static List<Waiting> waiting(RequestSharding here) {
    Map<String, Waiting> models = new TreeMap<>();
    for (RequestView view : here.views().all()) {
      if (view.snapshot().state() == Snapshot.State.ACCEPTED) {
        RequestSpec spec = view.spec();
        long tokens = (long) spec.promptTokens().length + spec.maxTokens();
        models.merge(
            spec.modelFingerprint(),
            new Waiting(spec.model(), spec.modelFingerprint(), 1, tokens),
            Waiting::plus);
      }
    }
    return List.copyOf(models.values());
  }

  private JournalReport journal(JournalAccess access, int unfinished) {
    JournalStats stats = access.stats();
    return new JournalReport(
        profile.name().toLowerCase(Locale.ROOT),
        profile == Profile.SINGLE ? durability : "postgresql",
        stats.commits(),
        stats.events(),
        stats.bytes(),
        stats.storage().diskBytes(),
        stats.lastCommitNanos(),
        stats.currentCommitNanos(),
        stats.queueDepth(),
        stats.overloads(),
        stats.failedWrites(),
        stats.diskFull(),
        stats.storage().finishedRequests(),
        unfinished,
        stats.cause().map(cause -> String.valueOf(cause.getMessage())).orElse(""));
  }
}
