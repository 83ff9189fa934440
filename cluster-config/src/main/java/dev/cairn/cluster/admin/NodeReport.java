package dev.cairn.cluster.admin;

import java.util.List;
import java.util.Optional;

/**
 * What a node says of itself.
 *
 * @param node HOST:PORT
 * @param notReady why it cannot serve, one sentence each; empty while it can
 * @param draining whether it is being emptied
 * @param unfinished unfinished requests that it runs
 * @param maxUnfinished most that it takes; 0 where it is no gateway
 * @param readers streams and waiting calls that follow a request here
 * @param device its own device, if it has one
 * @param devices the cluster's devices as it sees them; none where it is no gateway
 * @param waiting its requests that are with no device yet, by model
 * @param journal its journal, where it is a gateway
 */
public record NodeReport(
    String node,
    List<String> notReady,
    boolean draining,
    int unfinished,
    int maxUnfinished,
    int readers,
    Optional<OwnDevice> device,
    List<DeviceRow> devices,
    List<Waiting> waiting,
    Optional<JournalReport> journal) {
  public NodeReport {
    notReady = List.copyOf(notReady);
    devices = List.copyOf(devices);
    waiting = List.copyOf(waiting);
  }
}
