package dev.cairn.server.admin;

import dev.cairn.cluster.admin.ClusterAdmin;
import dev.cairn.cluster.admin.ClusterMember;
import dev.cairn.server.http.ApiError;
import java.util.List;
import java.util.stream.Collectors;

/** Looks members of the cluster up by the name that somebody gave. */
final class Nodes {
  private Nodes() {}

  /**
   * The member of this address.
   *
   * @param param what the error names as wrong
   */
  static ClusterMember member(ClusterAdmin cluster, String param, String node) {
    List<ClusterMember> members = cluster.members();
    return members.stream()
        .filter(member -> member.node().equals(node))
        .findFirst()
        .orElseThrow(
            () ->
                ApiError.invalid(
                    param,
                    "There is no node "
                        + node
                        + "; expected one of "
                        + members.stream()
                            .map(ClusterMember::node)
                            .limit(20)
                            .collect(Collectors.joining(", "))
                        + "."));
  }
}
