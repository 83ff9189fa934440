package dev.cairn.server;

import dev.cairn.actors.InMemoryRequests;
import dev.cairn.actors.Requests;
import dev.cairn.cluster.admin.DeviceRow;
import dev.cairn.cluster.admin.Gathered;
import dev.cairn.cluster.admin.JournalReport;
import dev.cairn.cluster.admin.NewestFilter;
import dev.cairn.cluster.admin.NodeAdmin;
import dev.cairn.cluster.admin.NodeReport;
import dev.cairn.cluster.admin.RequestRow;
import dev.cairn.server.admin.Overview;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** What a node says of itself that has its requests in memory, a device and no journal on disk. */
final class InMemoryOverview implements Overview {
  private static final String NODE = "127.0.0.1:1";

  private final InMemoryRequests requests;

  InMemoryOverview(InMemoryRequests requests) {
    this.requests = requests;
  }

  @Override
  public CompletionStage<Gathered<NodeAdmin.NewestPage>> newest(NewestFilter filter) {
    NodeAdmin.NewestPage page =
        filter.page(requests.ids().stream().map(id -> RequestRow.of(NODE, requests.view(id))));
    return CompletableFuture.completedFuture(new Gathered<>(List.of(page), List.of("127.0.0.1:2")));
  }

  @Override
  public CompletionStage<Gathered<NodeReport>> nodes() {
    DeviceRow device =
        new DeviceRow(
            "memory",
            NODE,
            "f00d",
            "cpu",
            "0",
            600,
            4096,
            7,
            OptionalDouble.empty(),
            OptionalDouble.empty(),
            true,
            false,
            true,
            1,
            2,
            4000);
    NodeReport report =
        new NodeReport(
            NODE,
            List.of(),
            false,
            requests.size(),
            100,
            0,
            Optional.empty(),
            List.of(device),
            List.of(),
            Optional.of(
                new JournalReport("single", "fsync", 1, 2, 3, 4, 5, 0, 0, 0, 0, false, 0, 0, "")));
    return CompletableFuture.completedFuture(new Gathered<>(List.of(report), List.of()));
  }

  @Override
  public CompletionStage<Optional<Requests.Waiting>> whyWaiting(String requestId) {
    return CompletableFuture.completedFuture(
        Optional.of(new Requests.Waiting("no_device", "it waits for the test")));
  }
}
