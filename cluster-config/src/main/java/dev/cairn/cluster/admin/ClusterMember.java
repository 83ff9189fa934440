package dev.cairn.cluster.admin;

import java.util.List;

/**
 * A member of the cluster.
 *
 * @param node HOST:PORT
 * @param status as Pekko names it, such as {@code Up}
 * @param reachable whether this node hears of it
 * @param roles its roles, without those of Pekko's own
 */
public record ClusterMember(String node, String status, boolean reachable, List<String> roles) {
  public ClusterMember {
    roles = List.copyOf(roles);
  }
}
